"""Reader of W&B's files of offline runs: protocol buffer records in LevelDB's log format."""

import json
import struct

BLOCK = 32768
FILE_HEADER, PIECE_HEADER = 7, struct.Struct("<IHB")  # checksum, length, type
WHOLE, LAST = 1, 4


def read_records(folder):
    """Read all records of the only W&B run in a run directory."""
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = (folder / "wandb").glob("offline-run-*/run-*.wandb")
    data, position, record = file.read_bytes(), FILE_HEADER, b""
    while position + PIECE_HEADER.size <= len(data):
        left = BLOCK - position % BLOCK
        if left < PIECE_HEADER.size:
            position += left
            continue
        _, length, kind = PIECE_HEADER.unpack_from(data, position)
        start = position + PIECE_HEADER.size
        record += data[start : start + length]
        position = start + length
        if kind in (WHOLE, LAST):
            yield Record.FromString(record)
            record = b""


def values(items):
    """Return keys and values of a history, summary or config record; nested keys are joined by dots."""
    return {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}
