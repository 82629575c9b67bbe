//! Numbers with their nouns.

/// `1 block`, `2 blocks`.
pub(crate) fn count_of(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `byte` or `bytes`.
pub(crate) fn bytes(count: u64) -> &'static str {
    if count == 1 { "byte" } else { "bytes" }
}
