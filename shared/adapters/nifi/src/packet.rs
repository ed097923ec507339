//! How flow files are written: as packets of site-to-site, and as FlowFile v3. Numbers are big-endian.

use bytes::{BufMut as _, BytesMut};

/// How a flow file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A packet of a site-to-site transaction. Source: NiFi, `StandardFlowFileCodec`.
    Packet,
    /// What `application/flowfile-v3` is. Source: NiFi, `FlowFilePackagerV3`.
    V3,
}

/// What each FlowFile v3 begins with.
const MAGIC: &[u8] = b"NiFiFF3";

/// From here on a length takes four more bytes.
const LONG_LENGTH: usize = 0xFFFF;

/// A name or value that is longer than its length can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an attribute is longer than 4 GiB")]
pub(crate) struct TooLong;

/// Writes what stands before the content: the attributes, and how long the content is.
pub(crate) fn write_head<'a>(
    format: Format,
    attributes: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
    n_bytes: u64,
    out: &mut BytesMut,
) -> Result<(), TooLong> {
    let write_length = match format {
        Format::Packet => write_u32,
        Format::V3 => {
            out.put_slice(MAGIC);
            write_short
        }
    };
    write_length(attributes.len(), out)?;
    for (name, value) in attributes {
        for text in [name, value] {
            write_length(text.len(), out)?;
            out.put_slice(text.as_bytes());
        }
    }
    out.put_u64(n_bytes);
    Ok(())
}

fn write_u32(length: usize, out: &mut BytesMut) -> Result<(), TooLong> {
    out.put_u32(u32::try_from(length).map_err(|_| TooLong)?);
    Ok(())
}

fn write_short(length: usize, out: &mut BytesMut) -> Result<(), TooLong> {
    match u16::try_from(length) {
        Ok(short) if length < LONG_LENGTH => {
            out.put_u16(short);
            Ok(())
        }
        _ => {
            out.put_u16(u16::MAX);
            write_u32(length, out)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, attributes: &[(&str, &str)], content: &[u8]) -> Vec<u8> {
        let mut out = BytesMut::new();
        let n_bytes = content.len() as u64;
        write_head(format, attributes.iter().copied(), n_bytes, &mut out).unwrap();
        out.put_slice(content);
        out.to_vec()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|it| format!("{it:02x}")).collect()
    }

    /// Both come from an encoder that was written from NiFi's sources, not from a NiFi.
    const PACKET: &str = "000000020000000866696c656e616d6500000006612e6a736f6e\
        00000007636173652e696400000002343200000000000000077b2261223a317d";
    const PACKET_CRC: u32 = 3_181_509_081;
    const V3: &str = "4e6946694646330002000866696c656e616d650006612e6a736f6e\
        0007636173652e69640002343200000000000000077b2261223a317d";

    #[test]
    fn formats_are_nifis_to_the_letter() {
        let attributes = [("filename", "a.json"), ("case.id", "42")];
        let packet = written(Format::Packet, &attributes, b"{\"a\":1}");
        assert_eq!(hex(&packet), PACKET);
        assert_eq!(crc32fast::hash(&packet), PACKET_CRC);
        assert_eq!(hex(&written(Format::V3, &attributes, b"{\"a\":1}")), V3);
    }

    #[test]
    fn length_of_v3_grows_where_nifis_does() {
        for (length, head) in [(65_534, "fffe"), (65_535, "ffff0000ffff"), (65_536, "ffff00010000")]
        {
            let value = "x".repeat(length);
            let bytes = written(Format::V3, &[("n", &value)], b"");
            let after_name = &bytes[MAGIC.len() + 2 + 3..];
            assert_eq!(hex(&after_name[..head.len() / 2]), head, "{length}");
        }
    }
}
