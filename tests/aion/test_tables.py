# SPDX-License-Identifier: Apache-2.0
"""On a phone each cell of a table says which column it is."""

from django.template import Context, Template

from aion.web.tables import labelled, stacks

HIDDEN = '<span class="sr-only">Action</span>'
HEAD = f'<thead><tr><th>Name</th><th class="num">Cost &amp; tax</th><th>{HIDDEN}</th></tr></thead>'


def test_each_cell_after_the_first_bears_the_name_of_its_column() -> None:
    row = '<tbody><tr><td>a</td><td class="num">1</td><td><b>x</b></td></tr></tbody>'
    assert labelled(HEAD + row) == (
        HEAD + '<tbody><tr><td>a</td><td class="num" data-label="Cost &amp; tax">1</td><td><b>x</b></td></tr></tbody>'
    )


def test_a_cell_over_several_columns_and_an_empty_one_bear_none() -> None:
    rows = (
        '<tfoot><tr><td colspan="2">All</td><td>1</td></tr>'
        '<tr><th scope="row">Total</th><td></td><td>2</td></tr></tfoot>'
    )
    assert labelled(HEAD.replace(HIDDEN, "Last") + rows).endswith(
        '<tfoot><tr><td colspan="2">All</td><td data-label="Last">1</td></tr>'
        '<tr><th scope="row">Total</th><td></td><td data-label="Last">2</td></tr></tfoot>'
    )


def test_a_table_of_two_columns_stays_a_table() -> None:
    table = "<thead><tr><th>A</th><th>B</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody>"
    assert labelled(table) == table
    assert not stacks(table)
    assert stacks(HEAD)


def test_a_name_with_quotes_cannot_leave_its_attribute() -> None:
    head = "<thead><tr><th>A</th><th>B &quot; onload=x</th><th>C</th></tr></thead>"
    assert 'data-label="B &quot; onload=x"' in labelled(head + "<tbody><tr><td>1</td><td>2</td><td>3</td></tr></tbody>")


def test_the_component_of_tables_labels_its_rows() -> None:
    source = "{% load aion %}<table{{ rows|stacks }}>{{ rows|labelled }}</table>"
    rows = Template(HEAD + "<tbody><tr><td>{{ name }}</td><td>2</td><td>3</td></tr></tbody>").render(
        Context({"name": "<script>"})
    )
    shown = Template(source).render(Context({"rows": rows}))
    assert shown.startswith("<table data-stacks><thead>")
    assert "<td>&lt;script&gt;</td>" in shown
