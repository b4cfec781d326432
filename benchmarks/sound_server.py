"""A radio: plays a WAV file (mono, 16 bits) again and again, in real time, to each who asks by HTTP.

usage: sound_server.py ADDRESS PORT WAV
"""

import asyncio
import contextlib
import sys
import time
import wave

_PIECE_SECONDS = 0.2


async def _play(path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n\r\n")
        with wave.open(path) as wav:
            rate, sound = wav.getframerate(), wav.readframes(wav.getnframes())
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nConnection: close\r\n\r\n" + _header(rate)
        )
        size = round(_PIECE_SECONDS * rate) * 2
        begun, sent = time.monotonic(), 0
        while True:
            at = sent % (len(sound) - size)
            writer.write(sound[at : at + size])
            await writer.drain()
            sent += size
            await asyncio.sleep(max(0.0, begun + sent / 2 / rate - time.monotonic()))
    writer.close()


def _header(rate: int) -> bytes:
    """Of a WAV without an end. Source: the layout of RIFF WAVE, http://soundfile.sapp.org/doc/WaveFormat/"""
    form = (1).to_bytes(2, "little") * 2 + rate.to_bytes(4, "little") + (2 * rate).to_bytes(4, "little")
    form += (2).to_bytes(2, "little") + (16).to_bytes(2, "little")
    endless = b"\xff\xff\xff\xff"
    return b"RIFF" + endless + b"WAVEfmt " + len(form).to_bytes(4, "little") + form + b"data" + endless


async def main() -> None:
    """Serve until killed."""
    address, port, path = sys.argv[1:]
    server = await asyncio.start_server(
        lambda reader, writer: _play(path, reader, writer), address, int(port)
    )
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
