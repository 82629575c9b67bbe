//! Values on the command line: arguments to function calls, and their results.

use anyhow::{Context, Result, bail, ensure};
use lineal::{FuncType, Ref, Val, ValType};

use crate::float;

/// The arguments for a function of some type.
pub(crate) fn parse_all(ty: &FuncType, args: &[String]) -> Result<Vec<Val>> {
    let (expected, given) = (ty.params().len(), args.len());
    ensure!(expected == given, "its type is {ty}: expected {expected} arguments, got {given}");
    args.iter()
        .zip(ty.params())
        .enumerate()
        .map(|(index, (arg, &ty))| {
            parse(ty, arg).with_context(|| format!("argument {} is bad", index + 1))
        })
        .collect()
}

/// A value of some type, written as the text format does; a vector as one number, lane 0 in its
/// lowest bits.
fn parse(ty: ValType, text: &str) -> Result<Val> {
    match ty {
        ValType::I32 => Ok(Val::I32(integer(text, 32).context(ty_error(ty, text))? as i32)),
        ValType::I64 => Ok(Val::I64(integer(text, 64).context(ty_error(ty, text))? as i64)),
        ValType::F32 => {
            Ok(Val::F32(float::parse(text, &float::F32).context(ty_error(ty, text))? as u32))
        }
        ValType::F64 => Ok(Val::F64(float::parse(text, &float::F64).context(ty_error(ty, text))?)),
        ValType::Ref(ty) if ty.nullable && text == "null" => Ok(Ref::null(ty.heap).into()),
        ValType::Ref(_) => bail!("`{text}` is not a {ty}: only `null` can be written here"),
        ValType::V128 => Ok(Val::V128(natural::<u128>(text).context(ty_error(ty, text))?.into())),
    }
}

fn ty_error(ty: ValType, text: &str) -> String {
    let article = if ty == ValType::V128 { "a" } else { "an" };
    format!("`{text}` is not {article} {ty}")
}

/// The bits of an integer, signed or unsigned, of some width.
fn integer(text: &str, bits: u32) -> Result<u64> {
    let (negative, unsigned) = split_sign(text);
    let magnitude: u64 = natural(unsigned)?;
    let limit = if negative { 1 << (bits - 1) } else { u64::MAX >> (64 - bits) };
    ensure!(magnitude <= limit, "it is out of range");
    Ok(if negative { magnitude.wrapping_neg() } else { magnitude })
}

/// A number without a sign: decimal or, after `0x`, hexadecimal, with underscores between
/// digits.
pub(crate) fn natural<T: TryFrom<u128>>(text: &str) -> Result<T> {
    match strip_hex(text) {
        Some(digits) => natural_in(digits, 16),
        None => natural_in(text, 10),
    }
}

/// A number without a sign, in some radix.
pub(crate) fn natural_in<T: TryFrom<u128>>(digits: &str, radix: u32) -> Result<T> {
    let digits = without_underscores(digits, radix).context("underscores belong between digits")?;
    let all_digits = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    ensure!(all_digits, "expected a number");
    let number = u128::from_str_radix(&digits, radix).ok();
    number.and_then(|number| T::try_from(number).ok()).context("it is out of range")
}

/// A sign, whether it is a minus, and what follows.
pub(crate) fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// What follows `0x`.
pub(crate) fn strip_hex(text: &str) -> Option<&str> {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))
}

/// A number without the underscores between its digits; `None` if one is elsewhere.
pub(crate) fn without_underscores(number: &str, radix: u32) -> Option<String> {
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_digit(radix));
    let mut before = None;
    let mut chars = number.chars().peekable();
    let mut kept = String::new();
    while let Some(c) = chars.next() {
        if c != '_' {
            kept.push(c);
        } else if !is_digit(before) || !is_digit(chars.peek().copied()) {
            return None;
        }
        before = Some(c);
    }
    Some(kept)
}

/// A value as `parse` takes it, where it can.
pub(crate) fn display(val: &Val) -> String {
    match val {
        Val::I32(value) => value.to_string(),
        Val::I64(value) => value.to_string(),
        Val::F32(bits) => float::display(u64::from(*bits), &float::F32),
        Val::F64(bits) => float::display(*bits, &float::F64),
        Val::V128(value) => format!("{:#034x}", value.as_u128()),
        Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => {
            "null".to_owned()
        }
        Val::FuncRef(Some(_)) => "funcref".to_owned(),
        Val::ExternRef(Some(_)) => "externref".to_owned(),
        Val::AnyRef(Some(_)) => "anyref".to_owned(),
        Val::ExnRef(Some(_)) => "exnref".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn i32(text: &str) -> Option<i32> {
        parse(ValType::I32, text).ok().and_then(|val| val.i32())
    }

    #[test]
    fn integers_are_signed_or_unsigned() {
        for (text, expected) in [
            ("0", 0),
            ("-5", -5),
            ("+7", 7),
            ("2147483648", i32::MIN),
            ("4294967295", -1),
            ("-2147483648", i32::MIN),
            ("0xffff_ffff", -1),
            ("-0x8000_0000", i32::MIN),
            ("0Xff", 255),
            ("1_000_000", 1_000_000),
            ("007", 7),
        ] {
            assert_eq!(i32(text), Some(expected), "{text}");
        }
        let i64 = |text| parse(ValType::I64, text).ok().and_then(|val| val.i64());
        assert_eq!(i64("18446744073709551615"), Some(-1));
        assert_eq!(i64("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(i64("-9223372036854775809"), None);
        assert_eq!(i64("18446744073709551616"), None);
    }

    #[test]
    fn what_is_not_an_integer_is_refused() {
        for text in [
            "",
            "-",
            "+",
            "x",
            "1.5",
            "0x",
            "0xg",
            "--1",
            "-+1",
            "1_",
            "_1",
            "1__0",
            "0x_1",
            " 1",
            "4294967296",
            "-2147483649",
            "1e3",
            "٣",
        ] {
            assert_eq!(i32(text), None, "{text:?}");
        }
    }

    #[test]
    fn vectors_are_numbers_of_128_bits() {
        let v128 = |text| Some(parse(ValType::V128, text).ok()?.unwrap_v128().as_u128());
        assert_eq!(v128("0"), Some(0));
        assert_eq!(v128("18446744073709551616"), Some(1 << 64));
        assert_eq!(v128("0xffffffff_ffffffff_ffffffff_ffffffff"), Some(u128::MAX));
        assert_eq!(v128("340282366920938463463374607431768211456"), None);
        assert_eq!(v128("-1"), None);
        assert_eq!(display(&Val::V128(0xff.into())), "0x000000000000000000000000000000ff");
        let error = format!("{:#}", parse(ValType::V128, "x").unwrap_err());
        assert_eq!(error, "`x` is not a v128: expected a number");
    }

    #[test]
    fn references_are_null() {
        assert!(matches!(parse(ValType::FUNCREF, "null"), Ok(Val::FuncRef(None))));
        assert!(matches!(parse(ValType::EXTERNREF, "null"), Ok(Val::ExternRef(None))));
        assert!(parse(ValType::EXTERNREF, "1").is_err());
    }

    #[test]
    fn arguments_are_counted() {
        let ty = FuncType::new([ValType::I32, ValType::F64], []);
        let parse = |args: &[&str]| {
            parse_all(&ty, &args.iter().map(|arg| arg.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(parse(&["1", "2"]).unwrap().len(), 2);
        let error = parse(&["1"]).unwrap_err().to_string();
        assert_eq!(error, "its type is (i32, f64) -> (): expected 2 arguments, got 1");
        let error = format!("{:#}", parse(&["1", "x"]).unwrap_err());
        assert_eq!(error, "argument 2 is bad: `x` is not an f64: expected a number");
    }
}
