"""Every operator is in one of the tables: what a count leaves out is left out on purpose."""

import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import defs

from mixnet_bench.counting.tables import TABLES, Tables
from mixnet_runtimes import Operator


def groups(tables: Tables) -> list[frozenset[str]]:
    return [
        frozenset(each)
        for each in (
            tables.rules,
            tables.unknown_products,
            tables.control,
            tables.movement,
            tables.arithmetic,
        )
    ]


@pytest.mark.parametrize("form", sorted(TABLES))
def test_no_operator_is_in_two_tables(form: str) -> None:
    names = [name for group in groups(TABLES[form]) for name in group]
    assert len(names) > 100
    assert sorted(names) == sorted(set(names))


def test_every_operator_of_tflite_s_schema_is_in_a_table() -> None:
    kinds = [name for name in vars(schema.BuiltinOperator) if name.isupper() and name != "CUSTOM"]
    assert len(kinds) > 200
    assert [kind for kind in kinds if TABLES["tflite"].is_foreign(kind)] == []


def test_every_standard_operator_of_onnx_is_in_a_table() -> None:
    kinds = {each.name for each in defs.get_all_schemas_with_history() if not each.domain}
    assert len(kinds) > 190
    assert sorted(kind for kind in kinds if TABLES["onnx"].is_foreign(kind)) == []


def test_every_operator_of_onnxruntime_s_own_is_in_a_table() -> None:
    state = pytest.importorskip("onnxruntime.capi.onnxruntime_pybind11_state")
    tables = TABLES["onnx"]
    kinds = {
        tables.name(Operator("", each.name, (), (), domain=each.domain))
        for each in state.get_all_operator_schema()
        if each.domain in ("com.microsoft", "com.ms.internal.nhwc")
    }
    assert len(kinds) > 100
    assert sorted(kind for kind in kinds if tables.is_foreign(kind)) == []


def test_microsoft_s_attention_is_another_than_the_standard_one() -> None:
    names = [
        TABLES["onnx"].name(Operator("", "Attention", (), (), domain=domain))
        for domain in ("", "com.microsoft", "elsewhere")
    ]
    assert names == ["Attention", "com.microsoft.Attention", "elsewhere.Attention"]
    assert [TABLES["onnx"].is_foreign(name) for name in names] == [False, False, True]
