//! Floats as the text format writes them: decimal, hexadecimal, infinities and NaNs with payload.

use anyhow::{Context, Result, bail, ensure};

use crate::args::{natural_in, split_sign, strip_hex, without_underscores};

const MISPLACED: &str = "underscores belong between digits";

/// A binary float format.
pub(crate) struct Format {
    /// How many bits a significand has, with the leading one.
    precision: u32,
    /// What is added to an exponent to store it.
    bias: i64,
    /// Reads a decimal number to the nearest float, as bits.
    decimal: fn(&str) -> Option<u64>,
    /// Writes a number that is not a NaN, with the fewest digits that say which.
    shortest: fn(u64) -> String,
}

pub(crate) const F32: Format = Format {
    precision: 24,
    bias: 127,
    decimal: |text| text.parse().ok().map(|value: f32| u64::from(value.to_bits())),
    shortest: |bits| format!("{:?}", f32::from_bits(bits as u32)),
};

pub(crate) const F64: Format = Format {
    precision: 53,
    bias: 1023,
    decimal: |text| text.parse().ok().map(|value: f64| value.to_bits()),
    shortest: |bits| format!("{:?}", f64::from_bits(bits)),
};

impl Format {
    /// How many bits of the significand are stored.
    fn stored_bits(&self) -> u32 {
        self.precision - 1
    }

    fn infinity(&self) -> u64 {
        (2 * self.bias as u64 + 1) << self.stored_bits()
    }

    fn sign(&self) -> u64 {
        (2 * self.bias as u64 + 2) << self.stored_bits()
    }

    fn canonical_payload(&self) -> u64 {
        1 << (self.stored_bits() - 1)
    }

    fn payload_mask(&self) -> u64 {
        (1 << self.stored_bits()) - 1
    }
}

/// The bits of the float nearest to a number.
pub(crate) fn parse(text: &str, format: &Format) -> Result<u64> {
    let (negative, unsigned) = split_sign(text);
    let magnitude = magnitude(unsigned, format)?;
    Ok(if negative { magnitude | format.sign() } else { magnitude })
}

fn magnitude(text: &str, format: &Format) -> Result<u64> {
    if text == "inf" {
        return Ok(format.infinity());
    }
    if let Some(rest) = text.strip_prefix("nan") {
        return Ok(format.infinity() | payload(rest, format)?);
    }
    let bits = match strip_hex(text) {
        Some(digits) => hexadecimal(digits, format)?,
        None => decimal(text, format)?,
    };
    ensure!(bits < format.infinity(), "it is out of range");
    Ok(bits)
}

/// What follows `nan`.
fn payload(text: &str, format: &Format) -> Result<u64> {
    let payload = match text {
        "" | ":canonical" | ":arithmetic" => format.canonical_payload(),
        _ => {
            let digits = text.strip_prefix(':').and_then(strip_hex);
            natural_in(digits.context("expected a number")?, 16)?
        }
    };
    ensure!((1..=format.payload_mask()).contains(&payload), "the payload is out of range");
    Ok(payload)
}

fn decimal(text: &str, format: &Format) -> Result<u64> {
    const EXPECTED: &str = "expected a number";
    // Rust knows more words than the text format.
    let only_digits = text.chars().all(|c| c.is_ascii_digit() || "_.eE+-".contains(c));
    ensure!(only_digits, EXPECTED);
    let text = without_underscores(text, 10).context(MISPLACED)?;
    (format.decimal)(&text).context(EXPECTED)
}

/// What follows `0x`: digits, perhaps with a point, and perhaps `p` with a power of two.
fn hexadecimal(text: &str, format: &Format) -> Result<u64> {
    let (digits, power) = match text.split_once(['p', 'P']) {
        Some((digits, power)) => (digits, exponent(power)?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = without_underscores(whole, 16).context(MISPLACED)?;
    let fraction = without_underscores(fraction, 16).context(MISPLACED)?;
    ensure!(!(whole.is_empty() && fraction.is_empty()), "expected digits");

    let mut significand = Significand::default();
    for c in whole.chars().chain(fraction.chars()) {
        match c.to_digit(16) {
            Some(digit) => significand.push(digit),
            None => bail!("expected hexadecimal digits"),
        }
    }
    let fraction_bits = 4 * fraction.len() as i64;
    Ok(significand.round(power.saturating_sub(fraction_bits), format))
}

fn exponent(text: &str) -> Result<i64> {
    let (negative, digits) = split_sign(text);
    let digits = without_underscores(digits, 10).context(MISPLACED)?;
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    ensure!(all_digits, "expected an exponent");
    // Far beyond any float, and far from overflowing.
    let magnitude = digits.parse().unwrap_or(i64::MAX).min(1 << 40);
    Ok(if negative { -magnitude } else { magnitude })
}

/// The digits of a hexadecimal number, as many as matter.
#[derive(Default)]
struct Significand {
    value: u128,
    /// The power of two that `value` is to be multiplied with.
    scale: i64,
    /// Whether a digit that is not zero was left out at the end.
    inexact: bool,
}

impl Significand {
    fn push(&mut self, digit: u32) {
        if self.value >> 120 == 0 {
            self.value = self.value << 4 | u128::from(digit);
        } else {
            self.scale += 4;
            self.inexact |= digit != 0;
        }
    }

    /// The float nearest to the value times a power of two, ties to even. Infinity if that is
    /// too large.
    fn round(&self, power: i64, format: &Format) -> u64 {
        if self.value == 0 {
            return 0;
        }
        let exponent = self.scale + power;
        let leading = exponent + i64::from(self.value.ilog2());
        let stored = i64::from(format.stored_bits());
        // The power of two that the last bit of the result stands for.
        let last = (leading - stored).max(1 - format.bias - stored);
        let mut rounded = self.shifted(last - exponent);
        let mut last = last;
        if rounded >> format.precision != 0 {
            rounded >>= 1;
            last += 1;
        }
        if last + stored > format.bias {
            return format.infinity();
        }
        if rounded >> stored == 0 {
            return rounded; // subnormal
        }
        let biased = (last + stored + format.bias) as u64;
        biased << stored | rounded & format.payload_mask()
    }

    /// The value divided by a power of two, rounded. The result fits a significand.
    fn shifted(&self, bits: i64) -> u64 {
        if bits <= 0 {
            return (self.value << -bits) as u64;
        }
        // From here on the value is less than half of the last bit.
        if bits > 127 {
            return 0;
        }
        let (quotient, remainder) = ((self.value >> bits) as u64, self.value & ((1 << bits) - 1));
        let half = 1_u128 << (bits - 1);
        let odd = quotient & 1 == 1;
        let up = remainder > half || remainder == half && (self.inexact || odd);
        quotient + u64::from(up)
    }
}

/// A float, with the fewest digits that say which.
pub(crate) fn display(bits: u64, format: &Format) -> String {
    let magnitude = bits & !format.sign();
    if magnitude <= format.infinity() {
        return (format.shortest)(bits);
    }
    let sign = if bits == magnitude { "" } else { "-" };
    match magnitude & format.payload_mask() {
        payload if payload == format.canonical_payload() => format!("{sign}nan"),
        payload => format!("{sign}nan:{payload:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f32(text: &str) -> Option<f32> {
        parse(text, &F32).ok().map(|bits| f32::from_bits(bits as u32))
    }

    fn f64(text: &str) -> Option<f64> {
        parse(text, &F64).ok().map(f64::from_bits)
    }

    #[test]
    fn formats_are_those_of_rust() {
        assert_eq!(F32.infinity(), u64::from(f32::INFINITY.to_bits()));
        assert_eq!(F64.infinity(), f64::INFINITY.to_bits());
        assert_eq!(F32.sign(), 1 << 31);
        assert_eq!(F64.sign(), 1 << 63);
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
            ("0x.8", 0.5),
            ("0x1p-1074", f64::from_bits(1)),
            ("0x1p-1022", f64::MIN_POSITIVE),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("0X1.921FB54442D18P+1", std::f64::consts::PI),
            ("0x0.0000000000001p-1022", f64::from_bits(1)),
            ("0x1_0.0_8p0_4", 256.5),
            ("0x1p-99999999999999999999", 0.0),
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
            assert_eq!(parse(text, &F32).unwrap(), bits, "{text}");
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

    #[test]
    fn what_is_displayed_can_be_parsed() {
        for bits in [0, 1, 0x3fc0_0000, 0x7f7f_ffff, 0x7f80_0000, 0x7fc0_0000, 0x7fa0_0001] {
            for bits in [bits, bits | 1 << 31] {
                let text = display(bits, &F32);
                assert_eq!(parse(&text, &F32).unwrap(), bits, "{text}");
            }
        }
        assert_eq!(display(f64::to_bits(0.1), &F64), "0.1");
        assert_eq!(display(f64::to_bits(-2.0), &F64), "-2.0");
        assert_eq!(display(f64::to_bits(1e300), &F64), "1e300");
        assert_eq!(display(u64::MAX, &F64), "-nan:0xfffffffffffff");
    }
}
