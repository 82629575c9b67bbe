//! Values on the command line: arguments to function calls, and their results.

use anyhow::{Context, Error, Result, ensure};
use lineal::{FuncType, Val};
use lineal_wast::{parse_literal, parse_natural};

/// The arguments for a function of some type.
pub(crate) fn parse_all(ty: &FuncType, args: &[String]) -> Result<Vec<Val>> {
    let (expected, given) = (ty.params().len(), args.len());
    let arguments = if expected == 1 { "argument" } else { "arguments" };
    ensure!(expected == given, "its type is {ty}: expected {expected} {arguments}, got {given}");
    args.iter()
        .zip(ty.params())
        .enumerate()
        .map(|(index, (arg, ty))| {
            parse_literal(ty, arg).with_context(|| format!("argument {} is invalid", index + 1))
        })
        .collect()
}

/// A whole number without a sign: decimal or, after `0x`, hexadecimal, with underscores between
/// digits.
pub(crate) fn natural<T: TryFrom<u128>>(text: &str) -> Result<T> {
    let number = parse_natural(text).map_err(Error::msg)?;
    T::try_from(number).ok().context("it is out of range")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lineal::{Engine, ValType};

    #[test]
    fn arguments_are_counted() {
        let ty = FuncType::new(&Engine::default(), [ValType::I32, ValType::F64], []);
        let parse = |args: &[&str]| {
            parse_all(&ty, &args.iter().map(|arg| arg.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(parse(&["1", "2"]).unwrap().len(), 2);
        let error = parse(&["1"]).unwrap_err().to_string();
        assert_eq!(error, "its type is (i32, f64) -> (): expected 2 arguments, got 1");
        let error = format!("{:#}", parse(&["1", "x"]).unwrap_err());
        assert_eq!(error, "argument 2 is invalid: `x` is not an f64: expected a number");
    }

    #[test]
    fn what_is_displayed_can_be_parsed() {
        for bits in [0, 1, 0x3fc0_0000, 0x7f7f_ffff, 0x7f80_0000, 0x7fc0_0000, 0x7fa0_0001] {
            for bits in [bits, bits | 1 << 31] {
                let text = Val::F32(bits).to_string();
                let parsed = parse_literal(ValType::F32, &text).unwrap();
                assert_eq!(parsed.unwrap_f32().to_bits(), bits, "{text}");
            }
        }
        assert_eq!(Val::F64(f64::to_bits(0.1)).to_string(), "0.1");
        assert_eq!(Val::F64(f64::to_bits(-2.0)).to_string(), "-2.0");
        assert_eq!(Val::F64(f64::to_bits(1e300)).to_string(), "1e300");
        assert_eq!(Val::F64(u64::MAX).to_string(), "-nan:0xfffffffffffff");
        assert_eq!(Val::V128(0xff.into()).to_string(), "0x000000000000000000000000000000ff");
    }
}
