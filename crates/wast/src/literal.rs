//! Values as the text format writes them, one at a time.

use std::fmt;

use lineal::{Ref, Val, ValType};
use wast::parser::{self, Parse, ParseBuffer};
use wast::token::{F32, F64};

const OUT_OF_RANGE: &str = "it is out of range";

/// Why a text is not a value of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiteralError {
    text: Box<str>,
    ty: ValType,
    reason: Box<str>,
}

impl fmt::Display for LiteralError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LiteralError { text, ty, reason } = self;
        let article = if matches!(ty, ValType::V128 | ValType::Ref(_)) { "a" } else { "an" };
        write!(f, "`{text}` is not {article} {ty}: {reason}")
    }
}

impl std::error::Error for LiteralError {}

/// Parses a value of some type, written as the text format writes it after `i32.const` and the
/// like: decimal or, after `0x`, hexadecimal, with underscores between digits; floats also as `inf`, `nan` or
/// `nan:0x1`. An integer may be signed or unsigned.
///
/// A vector is one number of 128 bits without a sign, lane 0 in its lowest bits. Of references, only
/// `null` can be written.
///
/// ```
/// use lineal::ValType;
/// use lineal_wast::parse_literal;
///
/// assert_eq!(parse_literal(ValType::I32, "0xffff_ffff")?.unwrap_i32(), -1);
/// assert_eq!(parse_literal(ValType::F64, "-0x1.8p1")?.unwrap_f64(), -3.0);
/// assert!(parse_literal(ValType::I32, "4294967296").is_err());
/// # Ok::<(), lineal_wast::LiteralError>(())
/// ```
///
/// # Errors
///
/// When the text is not such a value, or the number is out of range for the type.
pub fn parse_literal(ty: ValType, text: &str) -> Result<Val, LiteralError> {
    let reference = ty.as_ref().filter(|ty| ty.is_nullable() && text == "null");
    if let Some(reference) = reference {
        return Ok(Ref::null(reference.heap_type()).into());
    }
    let error =
        |reason: &str| LiteralError { text: text.into(), ty: ty.clone(), reason: reason.into() };
    let number = match ty {
        ValType::I32 => token(text).map(Val::I32),
        ValType::I64 => token(text).map(Val::I64),
        ValType::F32 => float(text).map(|F32 { bits }| Val::F32(bits)),
        ValType::F64 => float(text).map(|F64 { bits }| Val::F64(bits)),
        ValType::V128 => parse_natural(text).map(|number| Val::V128(number.into())),
        ValType::Ref(_) => return Err(error("only `null` can be written here")),
    };
    number.map_err(|reason| error(&reason))
}

/// Parses a whole number without a sign: decimal or, after `0x`, hexadecimal, with underscores between
/// digits.
///
/// # Errors
///
/// Says what is wrong with the text.
pub fn parse_natural(text: &str) -> Result<u128, String> {
    const EXPECTED: &str = "expected a whole number without a sign";
    let text = &lowercase_prefix(text);
    let lexer = wast::lexer::Lexer::new(text);
    let mut lexed = lexer.iter(0);
    let (Some(Ok(token)), None) = (lexed.next(), lexed.next()) else {
        return Err(EXPECTED.into());
    };
    let wast::lexer::TokenKind::Integer(kind) = token.kind else { return Err(EXPECTED.into()) };
    let integer = token.integer(text, kind);
    let (digits, radix) = integer.val();
    if integer.sign().is_some() {
        return Err(EXPECTED.into());
    }
    u128::from_str_radix(digits, radix).map_err(|_| OUT_OF_RANGE.into())
}

/// A float. Scripts also write `nan:canonical` and `nan:arithmetic`, for which the canonical NaN
/// stands here.
fn float<T: for<'a> Parse<'a>>(text: &str) -> Result<T, String> {
    let plain = [":canonical", ":arithmetic"].iter().find_map(|kind| text.strip_suffix(kind));
    token(plain.filter(|plain| plain.ends_with("nan")).unwrap_or(text)).map_err(|reason: String| {
        match text.trim_start_matches(['+', '-']).to_ascii_lowercase().as_str() {
            "nan" => "expected a number; that it is none is written `nan`".into(),
            "inf" | "infinity" => "expected a number; infinity is written `inf`".into(),
            _ => reason,
        }
    })
}

/// A number that is one token.
fn token<T: for<'a> Parse<'a>>(text: &str) -> Result<T, String> {
    let reason = |error: wast::Error| match error.message().ends_with("out of range") {
        true => OUT_OF_RANGE.into(),
        false => "expected a number".into(),
    };
    // A parser also takes spaces and comments, which belong in whole texts only.
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._:".contains(&byte);
    let text = if text.bytes().all(is_part) { lowercase_prefix(text) } else { String::new() };
    let buffer = ParseBuffer::new(&text).map_err(reason)?;
    parser::parse(&buffer).map_err(reason)
}

/// The text with `0x` for `0X`, which the text format does not have but people write.
fn lowercase_prefix(text: &str) -> String {
    text.replacen("0X", "0x", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f32(text: &str) -> Option<f32> {
        parse_literal(ValType::F32, text).ok().map(|val| val.unwrap_f32())
    }

    fn f64(text: &str) -> Option<f64> {
        parse_literal(ValType::F64, text).ok().map(|val| val.unwrap_f64())
    }

    fn i32(text: &str) -> Option<i32> {
        parse_literal(ValType::I32, text).ok().and_then(|val| val.i32())
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
        let i64 = |text| parse_literal(ValType::I64, text).ok().and_then(|val| val.i64());
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
        let v128 = |text| Some(parse_literal(ValType::V128, text).ok()?.unwrap_v128().as_u128());
        assert_eq!(v128("0"), Some(0));
        assert_eq!(v128("18446744073709551616"), Some(1 << 64));
        assert_eq!(v128("0xffffffff_ffffffff_ffffffff_ffffffff"), Some(u128::MAX));
        assert_eq!(v128("340282366920938463463374607431768211456"), None);
        assert_eq!(v128("-1"), None);
        let error = parse_literal(ValType::V128, "x").unwrap_err().to_string();
        assert_eq!(error, "`x` is not a v128: expected a whole number without a sign");
    }

    #[test]
    fn references_are_null() {
        assert!(matches!(parse_literal(ValType::FUNCREF, "null"), Ok(Val::FuncRef(None))));
        assert!(matches!(parse_literal(ValType::EXTERNREF, "null"), Ok(Val::ExternRef(None))));
        assert!(parse_literal(ValType::EXTERNREF, "1").is_err());
    }

    #[test]
    fn decimal_numbers() {
        for (text, expected) in [
            ("0", 0.0),
            ("-1.5", -1.5),
            ("+1e3", 1000.0),
            ("1_000.5", 1000.5),
            ("5.", 5.0),
            ("1E-2", 0.01),
            ("1.7976931348623157e308", f64::MAX),
            ("5e-324", f64::from_bits(1)),
        ] {
            assert_eq!(f64(text), Some(expected), "{text}");
        }
        assert!(f64("-0").unwrap().is_sign_negative());
        assert_eq!(f32("16777217"), Some(16_777_216.0));
    }

    #[test]
    fn hexadecimal_numbers() {
        for (text, expected) in [
            ("0x0", 0.0),
            ("0x10", 16.0),
            ("-0x1.8p1", -3.0),
            ("0x0.8", 0.5),
            ("0x1p-1074", f64::from_bits(1)),
            ("0x1p-1022", f64::MIN_POSITIVE),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("0X1.921FB54442D18P+1", std::f64::consts::PI),
            ("0x0.0000000000001p-1022", f64::from_bits(1)),
            ("0x1_0.0_8p0_4", 256.5),
        ] {
            assert_eq!(f64(text), Some(expected), "{text}");
        }
        assert_eq!(f32("0x1p-149"), Some(f32::from_bits(1)));
        assert_eq!(f32("0x1.fffffep127"), Some(f32::MAX));
    }

    #[test]
    fn hexadecimal_numbers_round_to_even() {
        let ulp = 2.0_f64.powi(-52);
        for (text, expected) in [
            ("0x1.00000000000008", 1.0),
            ("0x1.000000000000080000000000000000000000000000000001", 1.0 + ulp),
            ("0x1.00000000000018", 1.0 + 2.0 * ulp),
            ("0x1.00000000000007ffffffffffffffffffffffffffffffffff", 1.0),
            ("0x1.fffffffffffff8p0", 2.0),
            ("0x1p-1075", 0.0),
            ("0x1.8p-1075", f64::from_bits(1)),
            ("0x3p-1075", f64::from_bits(2)),
            ("0x0.fffffffffffffcp-1022", f64::MIN_POSITIVE),
        ] {
            assert_eq!(f64(text), Some(expected), "{text}");
        }
        // Agrees with the hardware's conversion from f64, which rounds the same way.
        for bits in (0..u64::MAX).step_by(0x0003_1415_9265_3589) {
            let value = f64::from_bits(bits);
            if !value.is_finite() || (value as f32).is_infinite() {
                continue;
            }
            let sign = if value.is_sign_negative() { "-" } else { "" };
            let exponent = (bits >> 52 & 0x7ff) as i64;
            let fraction = bits & ((1 << 52) - 1);
            let (lead, power) = if exponent == 0 { (0, -1022) } else { (1, exponent - 1023) };
            let text = format!("{sign}0x{lead}.{fraction:013x}p{power}");
            assert_eq!(f64(&text).map(f64::to_bits), Some(bits), "{text}");
            assert_eq!(f32(&text).map(f32::to_bits), Some((value as f32).to_bits()), "{text}");
        }
    }

    #[test]
    fn infinities_and_nans() {
        assert_eq!(f64("inf"), Some(f64::INFINITY));
        assert_eq!(f32("-inf"), Some(f32::NEG_INFINITY));
        for (text, bits) in [
            ("nan", 0x7fc0_0000),
            ("-nan", 0xffc0_0000),
            ("nan:canonical", 0x7fc0_0000),
            ("nan:arithmetic", 0x7fc0_0000),
            ("nan:0x1", 0x7f80_0001),
            ("-nan:0x7f_ffff", 0xffff_ffff),
        ] {
            assert_eq!(f32(text).unwrap().to_bits(), bits, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_float_is_refused() {
        for text in [
            "",
            "-",
            "x",
            "infinity",
            "NaN",
            "nan:",
            "nan:0x0",
            "nan:0x80_0000",
            "nan:1",
            "nan0x1",
            "1e",
            "1e999",
            "0x",
            "0x.",
            "0x.8",
            "0xp1",
            "0x1p",
            "0x1.g",
            "0x1p128",
            "1_",
            "1__0",
            "1_.5",
            "0x1.ffffffp127",
            "--1",
            "nan:0x",
            "0x1p1.0",
        ] {
            assert_eq!(f32(text), None, "{text:?}");
        }
    }
}
