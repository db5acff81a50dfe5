// SPDX-License-Identifier: Apache-2.0
// Lets the page of a sign-up make its passkey, and says in words why a passkey was not made or used; the words are the page's own, in its language.
(() => {
  const show = (name) => {
    const words = [...document.querySelectorAll("template[data-passkey-problem]")];
    const fitting = words.find((one) => one.dataset.passkeyProblem === name) ?? words.find((one) => !one.dataset.passkeyProblem);
    const heading = document.querySelector("main h1");
    if (!fitting || !heading) return;
    document.querySelector("[data-passkey-shown]")?.remove();
    const note = fitting.content.firstElementChild.cloneNode(true);
    note.dataset.passkeyShown = name;
    heading.after(note);
    note.focus();
  };
  document.addEventListener("allauth.error", (event) => {
    if (!event.detail.tags.includes("webauthn")) return;
    event.preventDefault();
    show(event.detail.exception.name);
  });
  const maker = document.querySelector("[data-makes-passkey]");
  if (maker) allauth.webauthn.forms.signupForm({ ids: { signup: maker.id, credential: maker.dataset.makesPasskey, data: "js_data" } });
  // Before a code is sent for nothing: browsers make no passkey for a bare address.
  if (document.querySelector("[data-passkey-needed]") && /^[\d.]+$|^\[/.test(location.hostname)) show("SecurityError");
})();
