//! Hex dumps of memories, in the form of `hexdump -C`.

use std::fmt::Write as _;

const ROW_BYTES: usize = 16;

/// The rows of `bytes`, which begin at `addr`. A `*` stands for rows that repeat the one above.
pub(crate) fn hex_dump(addr: u64, bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut last: Option<&[u8]> = None;
    let mut elided = false;
    for (index, row) in bytes.chunks(ROW_BYTES).enumerate() {
        let repeats = last == Some(row);
        if !repeats {
            write_row(&mut text, addr + (index * ROW_BYTES) as u64, row);
        } else if !elided {
            text.push_str("*\n");
        }
        elided = repeats;
        last = Some(row);
    }
    let _ = writeln!(text, "{:08x}", addr + bytes.len() as u64);
    text
}

fn write_row(text: &mut String, addr: u64, row: &[u8]) {
    let _ = write!(text, "{addr:08x} ");
    for index in 0..ROW_BYTES {
        let gap = if index % 8 == 0 { " " } else { "" };
        let _ = match row.get(index) {
            Some(byte) => write!(text, "{gap}{byte:02x} "),
            None => write!(text, "{gap}   "),
        };
    }
    let printable = |&byte: &u8| if (b' '..=b'~').contains(&byte) { byte.into() } else { '.' };
    let shown: String = row.iter().map(printable).collect();
    let _ = writeln!(text, " |{shown}|");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_hexdump() {
        let mut bytes = vec![0; 70];
        bytes[..5].copy_from_slice(b"hello");
        let expected = "\
00000040  68 65 6c 6c 6f 00 00 00  00 00 00 00 00 00 00 00  |hello...........|
00000050  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
*
00000080  00 00 00 00 00 00                                 |......|
00000086
";
        assert_eq!(hex_dump(64, &bytes), expected);
        assert_eq!(hex_dump(0, &[]), "00000000\n");
    }
}
