"""What the store has, what it finds wrong, and what it gives back."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wallflower.models.catalog import Model, ModelError, ModelFile
from wallflower.models.store import FileState, Store, hash_file

MakeFile = Callable[..., ModelFile]
MakeModel = Callable[..., Model]


def put(store: Store, file: ModelFile, content: bytes) -> None:
    store.lock_path()
    path = store.partial(file)
    path.write_bytes(content)
    assert store.admit(path, file)


@pytest.fixture
def file(make_file: MakeFile) -> ModelFile:
    return make_file(b"words")


@pytest.fixture
def model(file: ModelFile, make_model: MakeModel) -> Model:
    return make_model(file)


def test_an_empty_store(store: Store, file: ModelFile, model: Model) -> None:
    assert store.state(file) is FileState.MISSING
    assert store.missing(model) == [file]
    assert [finding.state for finding in store.verify(model)] == [FileState.MISSING]
    assert not store.root.exists()  # looking makes nothing


def test_an_admitted_file(store: Store, file: ModelFile, model: Model) -> None:
    put(store, file, b"words")
    assert store.state(file) is FileState.HERE
    assert store.files(model)["a.bin"].read_bytes() == b"words"
    assert store.missing(model) == []
    (finding,) = store.verify(model)
    assert finding.state is FileState.HERE
    assert not store.partial(file).exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=8))
def test_only_its_own_bytes_are_admitted(store: Store, file: ModelFile, content: bytes) -> None:
    store.lock_path()
    path = store.partial(file)
    path.write_bytes(content)
    assert store.admit(path, file) is (content == b"words")
    assert store.blob(file).exists() is (content == b"words")


def test_a_partial_file(store: Store, file: ModelFile, model: Model) -> None:
    store.lock_path()
    store.partial(file).write_bytes(b"wo")
    assert store.state(file) is FileState.PARTIAL
    assert [finding.state for finding in store.verify(model)] == [FileState.PARTIAL]


@pytest.mark.parametrize("content", [b"", b"word", b"words and more"])
def test_a_truncated_file_is_found_at_a_glance(
    store: Store, file: ModelFile, model: Model, content: bytes
) -> None:
    put(store, file, b"words")
    store.blob(file).write_bytes(content)
    assert store.state(file) is FileState.DAMAGED
    (finding,) = store.verify(model)
    assert finding.state is FileState.DAMAGED
    assert str(store.blob(file)) in finding.detail
    assert f"{len(content)} bytes instead of 5" in finding.detail


def test_a_corrupted_file_is_found_by_its_checksum(store: Store, file: ModelFile, model: Model) -> None:
    put(store, file, b"words")
    store.blob(file).write_bytes(b"swords"[:5])
    assert store.state(file) is FileState.HERE
    (finding,) = store.verify(model)
    assert finding.state is FileState.DAMAGED
    assert (finding.model, finding.file) == (model, file)
    assert str(store.blob(file)) in finding.detail


def test_files_of_an_incomplete_model(store: Store, make_file: MakeFile, make_model: MakeModel) -> None:
    here, partial, absent, short = (
        make_file(n.encode(), name=n) for n in ("here", "part", "absent", "short")
    )
    put(store, here, b"here")
    put(store, short, b"short")
    store.blob(short).write_bytes(b"s")
    store.partial(partial).write_bytes(b"p")
    with pytest.raises(ModelError) as caught:
        store.files(make_model(here, partial, absent, short))
    message = str(caught.value)
    assert "part (partly fetched), absent (missing), short (damaged)" in message
    assert "here (" not in message
    assert str(store.root) in message
    assert "wallflower models pull tiny" in message


def test_removal_frees_what_is_not_shared(store: Store, make_file: MakeFile, make_model: MakeModel) -> None:
    shared, own, begun = make_file(b"shared", name="s"), make_file(b"own", name="o"), make_file(b"12345")
    one, two = make_model(shared, own, begun, name="one"), make_model(shared, name="two")
    put(store, shared, b"shared")
    put(store, own, b"own")
    store.partial(begun).write_bytes(b"12")
    assert store.remove(one, keep=[one, two]) == 3 + 2
    assert [store.state(file) for file in one.files] == [FileState.HERE, FileState.MISSING, FileState.MISSING]
    assert store.missing(two) == []
    assert store.remove(one, keep=[]) == 6
    assert store.missing(two) == [shared]


def test_removal_from_an_empty_store(store: Store, model: Model) -> None:
    assert store.remove(model, keep=[]) == 0


def test_a_file_where_the_store_should_be(store: Store, file: ModelFile, model: Model) -> None:
    store.root.write_text("in the way")
    with pytest.raises(ModelError, match="cannot write to the model store"):
        store.lock_path()
    with pytest.raises(ModelError):
        store.files(model)


def test_checksums(store: Store, file: ModelFile) -> None:
    put(store, file, b"words")
    assert hash_file(store.blob(file)) == file.sha256


def test_the_real_models_are_whole(model_store: Store) -> None:
    from wallflower.models.catalog import find_model

    for name in ("silero-vad", "sample-two-cities"):
        assert {finding.state for finding in model_store.verify(find_model(name))} == {FileState.HERE}
