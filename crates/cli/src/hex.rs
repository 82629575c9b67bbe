//! Hex dumps in the form of `hexdump -C`.

use std::io::{Result, Write};

/// How many bytes a row shows.
pub(crate) const ROW_BYTES: u64 = 16;

/// The bytes of a row; `None` for those that are not part of what is shown.
pub(crate) type Row = [Option<u8>; ROW_BYTES as usize];

/// Writes rows, and `*` for rows that repeat the one above or that were left out.
pub(crate) struct HexDump<'a, W> {
    out: &'a mut W,
    /// How many digits an address has.
    digits: usize,
    /// The last row and its address.
    last: Option<(u64, Row)>,
    /// Whether a `*` stands for the last row.
    elided: bool,
}

impl<'a, W: Write> HexDump<'a, W> {
    /// A dump of addresses up to `end`.
    pub(crate) fn new(out: &'a mut W, end: u64) -> HexDump<'a, W> {
        let digits = if end <= 1 << 32 { 8 } else { 16 };
        HexDump { out, digits, last: None, elided: false }
    }

    /// Adds the row at an address, which is a multiple of [`ROW_BYTES`] and above the last one.
    pub(crate) fn row(&mut self, addr: u64, row: Row) -> Result<()> {
        if let Some((last_addr, last_row)) = self.last {
            let adjoins = last_addr + ROW_BYTES == addr;
            let repeats = adjoins && last_row == row;
            if !self.elided && (repeats || !adjoins) {
                writeln!(self.out, "*")?;
                self.elided = true;
            }
            if repeats {
                self.last = Some((addr, row));
                return Ok(());
            }
        }
        self.last = Some((addr, row));
        self.elided = false;
        write_row(self.out, self.digits, addr, &row)
    }

    /// Ends the dump with the address after the last byte.
    pub(crate) fn finish(self, end: u64) -> Result<()> {
        let reached = self.last.is_some_and(|(addr, _)| end - addr <= ROW_BYTES);
        if !reached && !self.elided && self.last.is_some() {
            writeln!(self.out, "*")?;
        }
        writeln!(self.out, "{end:0digits$x}", digits = self.digits)
    }
}

fn write_row(out: &mut impl Write, digits: usize, addr: u64, row: &Row) -> Result<()> {
    write!(out, "{addr:0digits$x} ")?;
    for (index, byte) in row.iter().enumerate() {
        let gap = if index % 8 == 0 { " " } else { "" };
        match byte {
            Some(byte) => write!(out, "{gap}{byte:02x} ")?,
            None => write!(out, "{gap}   ")?,
        }
    }
    let text: String = row.iter().map(|byte| byte.map_or(' ', printable)).collect();
    writeln!(out, " |{text}|")
}

fn printable(byte: u8) -> char {
    if (b' '..=b'~').contains(&byte) { byte.into() } else { '.' }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(rows: &[(u64, Row)], end: u64) -> String {
        let mut out = Vec::new();
        let mut dump = HexDump::new(&mut out, end);
        for &(addr, row) in rows {
            dump.row(addr, row).unwrap();
        }
        dump.finish(end).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn row(text: &str) -> Row {
        let mut bytes = text.bytes();
        [(); 16].map(|()| bytes.next())
    }

    #[test]
    fn bytes_are_shown_twice() {
        assert_eq!(
            dump(&[(0x20, row("hello\0\x7f\u{80}"))], 0x29),
            "00000020  68 65 6c 6c 6f 00 7f c2  80                       |hello....       |\n\
             00000029\n"
        );
    }

    #[test]
    fn repeated_rows_are_elided() {
        let (a, b) = (row("aaaaaaaaaaaaaaaa"), row("bbbbbbbbbbbbbbbb"));
        let text = dump(&[(0, a), (16, a), (32, a), (48, b), (64, a), (80, a)], 96);
        let starts: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(starts, ["00000000", "*", "00000030", "00000040", "*", "00000060"]);
    }

    #[test]
    fn gaps_are_elided() {
        let (a, b) = (row("aaaaaaaaaaaaaaaa"), row("bbbbbbbbbbbbbbbb"));
        let text = dump(&[(16, a), (64, a), (80, b)], 1 << 33);
        let starts: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(
            starts,
            [
                "0000000000000010",
                "*",
                "0000000000000040",
                "0000000000000050",
                "*",
                "0000000200000000"
            ]
        );
    }

    #[test]
    fn nothing_is_an_address() {
        assert_eq!(dump(&[], 0), "00000000\n");
    }
}
