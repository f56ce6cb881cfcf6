// SPDX-License-Identifier: Apache-2.0
// As much of RFC 6455 as the mock server needs: the handshake, and frames from the server.
import { createHash } from "node:crypto";

function frame(opcode, data) {
  const long = data.length > 65535;
  const head = Buffer.alloc(data.length < 126 ? 2 : long ? 10 : 4);
  head[0] = 0x80 | opcode;
  if (data.length < 126) head[1] = data.length;
  else if (long) {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(data.length), 2);
  } else {
    head[1] = 126;
    head.writeUInt16BE(data.length, 2);
  }
  return Buffer.concat([head, data]);
}

// Takes an upgrade request over; the returned object sends. Frames of the client are read only for its goodbye.
export function accept_websocket(request, socket) {
  const answer = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${answer}\r\n\r\n`);
  socket.on("data", (data) => (data[0] & 15) === 8 && socket.end(frame(8, Buffer.alloc(0))));
  socket.on("error", () => socket.destroy());
  return {
    text: (text) => socket.writable && socket.write(frame(1, Buffer.from(text))),
    binary: (bytes) => socket.writable && socket.write(frame(2, bytes)),
    on_close: (call) => socket.on("close", call),
  };
}
