from __future__ import annotations

import errno
import gzip
import io
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import tempfile
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimbench.build.store import Store, file_sha256
from slimbench.datasets.photos import archives
from slimbench.datasets.photos.archives import unpack
from slimbench.errors import UsageProblem
from slimbench.paths import CODE
from tests.datasets.photos.pictures import contents, leftovers, wait_for
from tests.examples import examples

FILES = {"cat/1.jpg": b"one", "cat/2.jpg": b"", "dog/deep/3.jpg": bytes(5000)}


def tar_bytes(files, mode="w:gz", form=tarfile.PAX_FORMAT):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, format=form) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def zip_bytes(files, compression=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo("placeholder")
            info.filename = name  # the constructor would tidy it up
            info.compress_type = compression
            archive.writestr(info, content)
    return file.getvalue()


def tar_of(*members):
    """A tar file of members as they are, however wild."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return file.getvalue()


def member(name, kind=tarfile.REGTYPE, **attributes):
    made = tarfile.TarInfo(name)
    made.type = kind
    for key, value in attributes.items():
        setattr(made, key, value)
    return made


def zip_with_mode(name, mode):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, "/etc/passwd")
    return file.getvalue()


@pytest.fixture
def pack(tmp_path):
    def write(content, name="photos.archive"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tar", tar_bytes(FILES, "w")),
        ("a.tar", tar_bytes(FILES, "w", tarfile.GNU_FORMAT)),
        ("a.tar", tar_bytes(FILES, "w", tarfile.USTAR_FORMAT)),
        ("a.tar.gz", tar_bytes(FILES)),
        ("a.tgz", tar_bytes(FILES)),
        ("a.zip", zip_bytes(FILES)),
        ("a.zip", zip_bytes(FILES, zipfile.ZIP_STORED)),
        ("download", tar_bytes(FILES)),
    ],
)
def test_every_kind_of_archive_is_unpacked(pack, store, name, content):
    assert contents(unpack(pack(content, name), store)) == FILES


def test_folders_in_archives_are_no_files(pack, store):
    tar = tar_of(member("./", tarfile.DIRTYPE), member("cat/", tarfile.DIRTYPE), member("./cat/1"))
    folder = unpack(pack(tar), store)
    assert contents(folder) == {"cat/1": b""}
    zipped = unpack(pack(zip_bytes({"empty/": b"", "cat/1": b"x"})), store)
    assert contents(zipped) == {"cat/1": b"x"}
    assert (zipped / "empty").is_dir()


def test_zips_of_old_windows_packers_have_folders(pack, store):
    assert contents(unpack(pack(zip_bytes({"cat\\1.jpg": b"x"})), store)) == {"cat/1.jpg": b"x"}


def test_the_same_archive_is_unpacked_once_whatever_its_name(pack, store, monkeypatch):
    first = unpack(pack(tar_bytes(FILES), "one.tgz"), store)
    monkeypatch.setattr(archives, "_unpack", lambda *_: pytest.fail("unpacked again"))
    assert unpack(pack(tar_bytes(FILES), "two.tgz"), store) == first


def test_another_archive_of_the_same_name_is_another(pack, store):
    first = unpack(pack(tar_bytes(FILES, "w")), store)
    second = unpack(pack(tar_bytes({"cat/1.jpg": b"two"}, "w")), store)
    assert contents(first) == FILES
    assert contents(second) == {"cat/1.jpg": b"two"}


def test_files_that_went_missing_are_unpacked_again(pack, store):
    path = pack(zip_bytes(FILES))
    (unpack(path, store) / "cat" / "1.jpg").unlink()
    assert contents(unpack(path, store)) == FILES


CLIMBING = ["../x.jpg", "cat/../../x.jpg", "/x.jpg", "//x.jpg", "..", "C:\\x.jpg", "..\\x.jpg"]


@pytest.mark.parametrize("name", CLIMBING)
@pytest.mark.parametrize("kind", [tar_bytes, zip_bytes])
def test_an_entry_that_climbs_out_is_refused(pack, store, tmp_path, kind, name):
    path = pack(kind({"cat/1.jpg": b"good", name: b"bad"}))
    before = set(tmp_path.iterdir())
    with pytest.raises(UsageProblem, match=r"photos\.archive was not unpacked.*leads out of the"):
        unpack(path, store)
    assert leftovers(store) == []
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (tar_of(member("way", tarfile.SYMTYPE, linkname="/etc")), "'way' is a link"),
        (tar_of(member("way", tarfile.LNKTYPE, linkname="/etc/passwd")), "'/etc/passwd' leads out"),
        (tar_of(member("way", tarfile.LNKTYPE, linkname="later")), "'way' is a link to 'later'"),
        (tar_of(member("way", tarfile.LNKTYPE, linkname=".")), "'way' is a link"),
        (tar_of(member("pipe", tarfile.FIFOTYPE)), "'pipe' is neither a file nor a folder"),
        (tar_of(member("disk", tarfile.BLKTYPE, devmajor=8)), "'disk' is neither"),
        (tar_of(member("zero", tarfile.CHRTYPE, devmajor=1)), "'zero' is neither"),
        (zip_with_mode("way", stat.S_IFLNK | 0o777), "'way' is a link"),
        (zip_with_mode("pipe", stat.S_IFIFO | 0o777), "'pipe' is neither"),
    ],
)
def test_links_and_devices_are_refused(pack, store, content, what):
    with pytest.raises(UsageProblem, match=rf"photos\.archive was not unpacked: its entry {what}"):
        unpack(pack(content), store)
    assert leftovers(store) == []


def test_a_hard_link_is_the_file_it_is_to(pack, store):
    first = member("cat/1.jpg", size=3)
    content = tar_of(first, member("cat/2.jpg", tarfile.LNKTYPE, linkname="cat/1.jpg"))
    assert contents(unpack(pack(content), store)) == {"cat/1.jpg": bytes(3), "cat/2.jpg": bytes(3)}


def test_hard_links_count_as_what_they_unpack_to(pack, store, monkeypatch):
    monkeypatch.setattr(archives, "RATIO_FROM", 5000)
    monkeypatch.setattr(archives, "MAX_RATIO", 1)
    links = [member(f"cat/{n}.jpg", tarfile.LNKTYPE, linkname="cat/1.jpg") for n in range(2, 9)]
    with pytest.raises(UsageProblem, match="it unpacks to more than"):
        unpack(pack(tar_of(member("cat/1.jpg", size=4000), *links)), store)


def test_a_name_in_utf_8_is_read_without_the_flag_that_says_so(pack, store):
    packed = zip_bytes({"caf\u00e9/1.jpg": b"x"})
    flag = (0x800).to_bytes(2, "little")
    assert packed.count(flag) >= 2
    plain = bytearray(packed)
    for header, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = packed.index(header) + offset
        plain[at : at + 2] = bytes(2)
    assert contents(unpack(pack(bytes(plain)), store)) == {"caf\u00e9/1.jpg": b"x"}


def test_an_encrypted_entry_is_refused(pack, store):
    content = bytearray(zip_bytes({"cat/1.jpg": b"x"}))
    content[6] |= 1  # the flag in the file's own header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    with pytest.raises(UsageProblem, match=r"'cat/1\.jpg' is encrypted"):
        unpack(pack(bytes(content)), store)


@pytest.mark.parametrize("kind", [tar_bytes, zip_bytes])
def test_what_expands_without_end_is_refused(pack, store, monkeypatch, kind):
    monkeypatch.setattr(archives, "RATIO_FROM", 1 << 20)
    bomb = pack(kind({"cat/1.jpg": b"x", "cat/2.jpg": bytes(20 << 20)}))
    assert bomb.stat().st_size < 50_000
    with pytest.raises(UsageProblem, match=r"its entry 'cat/2\.jpg' it unpacks to more than \d+ M"):
        unpack(bomb, store)
    assert leftovers(store) == []


def test_many_files_that_expand_without_end_together_are_refused(pack, store, monkeypatch):
    monkeypatch.setattr(archives, "RATIO_FROM", 1 << 20)
    bomb = pack(tar_bytes({f"cat/{number}.jpg": bytes(1 << 18) for number in range(80)}))
    with pytest.raises(UsageProblem, match=r"unpacks to more than \d+ MiB"):
        unpack(bomb, store)
    assert leftovers(store) == []


def test_a_zip_that_says_less_than_it_holds_is_refused(pack, store):
    content = bytearray(zip_bytes({"cat/1.jpg": bytes(1000)}))
    directory = content.index(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    with pytest.raises(UsageProblem, match="cannot be unpacked"):
        unpack(pack(bytes(content)), store)
    assert leftovers(store) == []


def test_a_header_that_asks_for_all_memory_is_refused(pack, store):
    long_name = tarfile.TarInfo("././@LongLink")
    long_name.type = tarfile.GNUTYPE_LONGNAME
    long_name.size = 8 << 30
    content = gzip.compress(long_name.tobuf(tarfile.GNU_FORMAT) + bytes(10_000))
    with pytest.raises(UsageProblem, match="one of its headers is too long"):
        unpack(pack(content), store)


def test_a_chain_of_headers_without_end_is_refused(pack, store):
    long_name = tarfile.TarInfo("././@LongLink")
    long_name.type = tarfile.GNUTYPE_LONGNAME
    long_name.size = 3
    one = long_name.tobuf(tarfile.GNU_FORMAT) + b"abc".ljust(512, b"\0")
    with pytest.raises(UsageProblem, match="cannot be unpacked"):
        unpack(pack(one * 5000), store)


def test_too_many_entries_are_refused(pack, store, monkeypatch):
    monkeypatch.setattr(archives, "MAX_ENTRIES", 3)
    assert contents(unpack(pack(zip_bytes({str(n): b"" for n in range(3)})), store))
    with pytest.raises(UsageProblem, match="more than 3 entries"):
        unpack(pack(zip_bytes({str(n): b"" for n in range(4)})), store)


@pytest.mark.parametrize("name", ["cat/1.jpg", "cat", "cat/1.jpg/2.jpg"])
def test_two_entries_in_each_others_way_are_refused(pack, store, name):
    content = tar_of(member("cat/1.jpg"), member(name))
    with pytest.raises(UsageProblem, match=rf"its entry '{name}' cannot be written"):
        unpack(pack(content), store)
    assert leftovers(store) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"this is a text",
        b"PK\x03\x04 but no zip",
        b"\x1f\x8b but no gzip",
        gzip.compress(b"a text that is zipped", mtime=0),
        b"\xff\xd8\xff\xe0" + bytes(2000),
    ],
)
def test_a_file_that_is_no_archive_is_named_with_what_to_do(pack, store, content):
    with pytest.raises(UsageProblem, match=r"photos\.archive cannot be unpacked") as caught:
        unpack(pack(content), store)
    assert "Fetch or pack it again" in str(caught.value)
    assert leftovers(store) == []


@pytest.mark.parametrize("make", [tar_bytes, zip_bytes, lambda files: tar_bytes(files, "w")])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.7])
def test_an_archive_that_was_cut_short_is_refused(pack, store, make, share):
    content = make({f"cat/{n}.jpg": bytes([n]) * 700 for n in range(20)})
    with pytest.raises(UsageProblem, match=r"photos\.archive (cannot be|was not) unpacked"):
        unpack(pack(content[: int(len(content) * share)]), store)
    assert leftovers(store) == []


def test_a_tar_file_cut_between_two_files_is_refused(pack, store):
    content = tar_bytes({"cat/1.jpg": b"", "cat/2.jpg": b""}, "w", tarfile.USTAR_FORMAT)
    with pytest.raises(UsageProblem, match="not copied whole"):
        unpack(pack(content[:1024]), store)


def test_a_tar_file_with_a_damaged_header_in_the_middle_is_refused(pack, store):
    content = bytearray(tar_bytes({"1.jpg": b"", "2.jpg": b"", "3.jpg": b""}, "w"))
    content[512] ^= 0xFF
    with pytest.raises(UsageProblem, match="damaged"):
        unpack(pack(bytes(content)), store)


def test_a_full_disk_is_named_and_nothing_is_left(pack, store, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archives, "_write", full)
    with pytest.raises(UsageProblem, match=r"No space is left .*Free some, or set SLIMBENCH_STORE"):
        unpack(pack(zip_bytes(FILES)), store)
    assert leftovers(store) == []


def test_an_archive_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UsageProblem, match=r"secret\.zip cannot be unpacked \(Permission denied\)"):
        archives.unpack(tmp_path / "secret.zip", _Prepared(tmp_path))


class _Prepared(Store):
    def prepare(self):
        """It is there."""


def test_two_runs_at_once_unpack_one(pack, store):
    path = pack(tar_bytes({f"cat/{n}.jpg": bytes(100) for n in range(200)}))
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(lambda _: unpack(path, Store(store.root)), range(4)))
    (folder,) = folders
    assert len(contents(folder)) == 200
    assert not list((store.root / "tmp").iterdir())


SLOW = """
import sys, time
from pathlib import Path
from slimbench.datasets.photos import archives
from slimbench.build.store import Store, file_sha256
write = archives._write
def slowly(*arguments):
    time.sleep(0.2)
    return write(*arguments)
archives._write = slowly
archives.unpack(Path(sys.argv[1]), Store(Path(sys.argv[2])))
"""


def test_after_a_kill_the_next_run_unpacks_and_a_sweep_finds_the_rest(pack, store):
    path = pack(tar_bytes({f"cat/{n}.jpg": b"x" for n in range(100)}))
    other = pack(tar_bytes({f"dog/{n}.jpg": b"x" for n in range(100)}), "other.tgz")
    for each in (path, other):
        process = subprocess.Popen(
            [sys.executable, "-c", SLOW, str(each), str(store.root)], cwd=CODE
        )
        wait_for(store.root / "tmp" / f"archive-{file_sha256(each)}" / "files")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (store.root / archives.FOLDER).exists()
    assert len(contents(unpack(path, store))) == 100
    assert store.sweep() == 1
    assert not list((store.root / "tmp").iterdir())


def attempt(archive, store):
    """Return the folder, or None and why there is none."""
    try:
        return unpack(archive, store), ""
    except UsageProblem as problem:
        return None, str(problem)


WILD_NAMES = st.lists(
    st.sampled_from(
        ["..", ".", "", "a", "A", "cat", "1.jpg", "\0", "\n", "é", "\udcff", "C:", "~", "x" * 300]
    ),
    min_size=1,
    max_size=4,
).flatmap(lambda parts: st.sampled_from(["/", "\\"]).map(lambda by: by.join(parts)))


def is_folder(name):
    """Tell whether a zip takes a name for a folder's: it ends in a slash, up to a NUL."""
    return zipfile.ZipInfo(name).filename.endswith(("/", "\\"))


@settings(max_examples=examples(40))
@given(
    st.dictionaries(WILD_NAMES, st.binary(max_size=20), min_size=1, max_size=4),
    st.sampled_from([tar_bytes, zip_bytes]),
)
def test_wild_names_stay_inside_or_are_refused_whole(files, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's, of two entries with one name
        try:
            content = kind(files)
        except (UnicodeError, ValueError):
            return  # no packer can write it
    root = Path(tempfile.mkdtemp())
    try:
        store = Store(root / "outer" / "store")
        archive = root / "wild"
        archive.write_bytes(content)
        folder, problem = attempt(archive, store)
        if folder is None:
            assert "wild" in problem
            assert problem.isprintable()
            assert leftovers(store) == []
        else:
            kept = [b for name, b in files.items() if kind is tar_bytes or not is_folder(name)]
            assert sorted(contents(folder).values()) == sorted(kept)
            assert not any(path.is_symlink() for path in folder.rglob("*"))
        assert {path.name for path in root.iterdir()} == {"outer", "wild"}
        assert [path.name for path in (root / "outer").iterdir()] == ["store"]
    finally:
        shutil.rmtree(root)


@settings(max_examples=examples(60))
@given(
    st.sampled_from([tar_bytes(FILES, "w"), tar_bytes(FILES), zip_bytes(FILES)]),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_a_damaged_archive_is_unpacked_or_refused_and_nothing_else(content, changes):
    damaged = bytearray(content)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    root = Path(tempfile.mkdtemp())
    try:
        store = Store(root / "store")
        (root / "wild").write_bytes(damaged)
        folder, problem = attempt(root / "wild", store)
        if folder is None:
            assert "wild" in problem
            assert leftovers(store) == []
        assert {path.name for path in root.iterdir()} == {"store", "wild"}
    finally:
        shutil.rmtree(root)
