//! Bodies in gzip (RFC 1952), each block stored as it is: valid for every reader, and nothing to compress with.

use bytes::Bytes;

/// A stored block holds so many bytes at most.
const BLOCK: usize = 0xffff;

/// The body in an envelope of gzip.
pub(super) fn pack(body: &[u8]) -> Bytes {
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut blocks = body.chunks(BLOCK).peekable();
    if blocks.peek().is_none() {
        packed.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        packed.push(u8::from(blocks.peek().is_none()));
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(block);
    }
    packed.extend(crc32(body).to_le_bytes());
    packed.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    packed.into()
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = 0_u32.wrapping_sub(crc & 1);
            crc = (crc >> 1) ^ (0xedb8_8320 & carry);
        }
    }
    !crc
}
