import { Buffer } from 'node:buffer';
import { crc32, deflateSync } from 'node:zlib';

/** An 8-bit gray or RGB PNG (`channels` 1 or 3). */
export function encodePng(pixels, width, height, channels = 1) {
  const raw = Buffer.alloc(height * (width * channels + 1));
  for (let row = 0; row < height; row++) {
    raw.set(
      pixels.subarray(row * width * channels, (row + 1) * width * channels),
      row * (width * channels + 1) + 1,
    );
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, channels === 3 ? 2 : 0, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(raw, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(body, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
