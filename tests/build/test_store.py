from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import pytest

from slimbench.build.store import MANIFEST, VARIABLE, Artifact, Store, StoreError, file_sha256
from slimbench.errors import UsageProblem
from tests.build.recorder import key, made, note, runs
from tests.build.sample_steps import NOTE_FILE, Sample

KEY = "ab" * 32
OTHER_KEY = "cd" * 32


def put(store: Store, key: str = KEY, **contents: bytes) -> Artifact:
    with store.lock(key), store.writing(key, "bread", {"step": "Sample"}) as folder:
        for name, content in (contents or {"crumb": b"soft"}).items():
            (folder / name).write_bytes(content)
    artifact = store.find(key)
    assert artifact is not None
    return artifact


def leftovers(store: Store) -> list[str]:
    return [path.name for path in (store.root / "tmp").iterdir()]


def test_an_object_is_what_was_written(store):
    with store.lock(KEY), store.writing(KEY, "bread", {"step": "Sample"}) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "crumb").write_bytes(b"soft")
        (folder / "crust").write_bytes(b"")
    artifact = store.find(KEY)
    assert artifact.title == "bread"
    assert artifact.bytes == 4
    assert artifact.file("deep/crumb").read_bytes() == b"soft"
    assert artifact.files == {
        "crust": file_sha256(artifact.file("crust")),
        "deep/crumb": file_sha256(artifact.file("deep/crumb")),
    }
    assert json.loads(artifact.file(MANIFEST).read_text())["recipe"] == {"step": "Sample"}
    assert store.relative(artifact.file("crust")).startswith("objects/")
    assert list(store.objects()) == [artifact]
    assert leftovers(store) == []


def test_nothing_is_there_before_the_writing_ends_well(store):
    with store.lock(KEY), store.writing(KEY, "bread", {}) as folder:
        (folder / "crumb").write_bytes(b"soft")
        assert store.find(KEY) is None
        assert not store.has(KEY)
        assert list(store.objects()) == []
    assert store.has(KEY)


def fail_to_put(store: Store) -> None:
    with store.lock(KEY), store.writing(KEY, "bread", {}) as folder:
        (folder / "crumb").write_bytes(b"new")
        raise ZeroDivisionError


def test_a_writing_that_fails_leaves_nothing(store):
    with pytest.raises(ZeroDivisionError):
        fail_to_put(store)
    assert store.find(KEY) is None
    assert leftovers(store) == []
    assert put(store).file("crumb").read_bytes() == b"soft"


def test_a_failed_writing_keeps_the_object_that_was_there(store):
    before = put(store, crumb=b"old")
    with pytest.raises(ZeroDivisionError):
        fail_to_put(store)
    assert store.find(KEY) == before
    assert before.file("crumb").read_bytes() == b"old"


def test_writing_again_replaces_the_whole_object(store):
    put(store, crumb=b"old", crust=b"old")
    assert put(store, crumb=b"new").files.keys() == {"crumb"}
    assert leftovers(store) == []


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def rewrite(manifest: Path, **changes: object) -> None:
    content = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps({**content, **changes}), encoding="utf-8")


DAMAGES = {
    "a flipped bit": lambda folder: flip(folder / NOTE_FILE),
    "a shortened file": lambda folder: (folder / NOTE_FILE).write_bytes(b"flo"),
    "an empty file": lambda folder: (folder / NOTE_FILE).write_bytes(b""),
    "a deleted file": lambda folder: (folder / NOTE_FILE).unlink(),
    "a folder for a file": lambda folder: [
        (folder / NOTE_FILE).unlink(),
        (folder / NOTE_FILE).mkdir(),
    ],
    "a deleted manifest": lambda folder: (folder / MANIFEST).unlink(),
    "an empty manifest": lambda folder: (folder / MANIFEST).write_bytes(b""),
    "a manifest of garbage": lambda folder: (folder / MANIFEST).write_bytes(b"\x00\xff{garbage"),
    "a manifest of another form": lambda folder: (folder / MANIFEST).write_text("[1, 2]"),
    "a manifest cut short": lambda folder: (folder / MANIFEST).write_bytes(
        (folder / MANIFEST).read_bytes()[:-20]
    ),
    "a manifest of another object": lambda folder: rewrite(folder / MANIFEST, key=OTHER_KEY),
    "a manifest with files of another form": lambda folder: rewrite(folder / MANIFEST, files=[1]),
    "a manifest with a key of another form": lambda folder: rewrite(folder / MANIFEST, key=None),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_object_is_said_taken_away_and_built_again(store, diary, damage):
    flour = Sample("flour", diary)
    made(store, flour)
    folder = store.find(key(flour)).folder
    damage(folder)
    outcome, watcher = made(store, flour)
    (message,) = watcher.messages
    assert f"The stored object {key(flour)[:12]} is damaged" in message
    assert message.endswith("it is built again.")
    assert note(outcome, flour) == "flour"
    assert runs(diary) == ["flour", "flour"]
    assert leftovers(store) == []
    assert made(store, flour)[1].messages == []


def test_the_message_names_the_file_that_changed(store):
    said: list[str] = []
    flip(put(store, crumb=b"soft", crust=b"hard").file("crust"))
    assert store.find(KEY, said.append) is None
    assert "crust has another hash than when it was written" in said[0]
    assert not store.has(KEY)


def test_damage_is_said_once_and_other_objects_stay(store):
    said: list[str] = []
    flip(put(store).file("crumb"))
    other = put(store, OTHER_KEY)
    assert store.find(KEY, said.append) is store.find(KEY, said.append) is None
    assert len(said) == 1
    assert list(store.objects()) == [other]


@pytest.mark.parametrize("name", ["flour", "dough"])
def test_only_the_damaged_part_of_a_chain_is_built_again(store, diary, name):
    flour = Sample("flour", diary)
    dough = Sample("dough", diary, flour)
    bread = Sample("bread", diary, dough)
    made(store, bread)
    flip(store.find(key({"flour": flour, "dough": dough}[name])).file(NOTE_FILE))
    cake = Sample("cake", diary, dough, flour)
    outcome, watcher = made(store, bread, cake)
    assert len(watcher.messages) == 1
    assert runs(diary)[3:] == [name, "cake"]
    assert note(outcome, cake) == "flourdoughflourcake"


def test_an_object_that_another_process_mended_meanwhile_stays(store):
    """Between seeing the damage and holding the lock, another process may have built it anew."""
    whole = put(store).file("crumb")
    whole.write_bytes(b"mould")

    class Late(Store):
        @contextlib.contextmanager
        def lock(self, key):
            put(store)
            with super().lock(key):
                yield

    artifact = Late(store.root).find(KEY)
    assert artifact is not None
    assert whole.read_bytes() == b"soft"
    assert store.find(KEY) == artifact


def test_removing_takes_one_object(store):
    put(store)
    other = put(store, OTHER_KEY)
    store.remove(KEY)
    assert list(store.objects()) == [other]
    assert leftovers(store) == []
    store.remove(KEY)


def test_objects_whose_manifest_is_unreadable_do_not_hide_the_others(store):
    (put(store).folder / MANIFEST).write_text(json.dumps({"key": KEY, "files": []}))
    other = put(store, OTHER_KEY)
    assert list(store.objects()) == [other]


def test_sweeping_removes_folders_and_files_and_counts_them(store):
    (store.root / "tmp" / KEY).mkdir()
    (store.root / "tmp" / KEY / "half").write_bytes(b"half")
    (store.root / "tmp" / "probe-1").write_bytes(b"probe")
    kept = put(store, OTHER_KEY)
    assert store.sweep() == 2
    assert leftovers(store) == []
    assert list(store.objects()) == [kept]
    assert store.sweep() == 0


def test_sweeping_leaves_what_another_store_writes(store):
    with Store(store.root).lock(KEY), Store(store.root).writing(KEY, "bread", {}) as folder:
        (folder / "crumb").write_bytes(b"soft")
        assert store.sweep() == 0
    assert store.find(KEY) is not None


def test_a_store_below_a_file_says_where_and_the_way_out(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    root = tmp_path / "file" / "store"
    with pytest.raises(StoreError) as caught:
        Store(root).prepare()
    assert str(root) in str(caught.value)
    assert "Not a directory" in str(caught.value)
    assert VARIABLE in str(caught.value)
    assert isinstance(caught.value, UsageProblem)


def test_a_store_that_can_be_written_gets_ready_twice(tmp_path):
    for _ in range(2):
        Store(tmp_path / "new" / "store").prepare()
    assert leftovers(Store(tmp_path / "new" / "store")) == []


def test_the_variable_names_the_store_and_an_empty_one_does_not(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "named"))
    assert Store().root == tmp_path / "named"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "relative")
    assert Store().root == tmp_path / "relative"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(VARIABLE, "")
    assert Store().root == tmp_path / "cache" / "slimbench"
    monkeypatch.delenv(VARIABLE)
    assert Store().root == tmp_path / "cache" / "slimbench"


def test_the_argument_comes_before_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "named"))
    assert Store(tmp_path / "given").root == tmp_path / "given"


def test_a_store_of_the_older_format_is_said_once(store):
    put(store)
    (message,) = made(store)[1].messages
    assert message.startswith(
        f"The store {store.root} holds 1 object (0 MiB) that an older version"
    )
    assert message.endswith("remove them with: slimbench store --prune")
    assert made(store)[1].messages == []


def test_a_new_store_is_of_the_present_format(store):
    assert made(store)[1].messages == []
    put(store)
    assert made(store)[1].messages == []


def test_an_object_is_found_by_the_hash_of_a_file_in_it(store):
    artifact = put(store, crumb=b"soft")
    put(store, OTHER_KEY, crumb=b"hard")
    assert list(store.with_file(artifact.files["crumb"])) == [artifact]
    assert list(store.with_file("0" * 64)) == []


def test_without_a_home_directory_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLIMBENCH_STORE", "HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    # As for `docker run --user 12345`, who is in no list of users.
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(StoreError, match="Set SLIMBENCH_STORE to a folder that can be written"):
        Store()
