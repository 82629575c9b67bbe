//! Values of scripts: arguments, expected results, and how both are written.

use std::fmt::Write as _;

use lineal::{AnyRef, ExternRef, Rooted, Store, Val};
use wast::core::{AbstractHeapType, HeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::token::{F32, F64};

use crate::outcome::{Outcome, Stop};
use crate::session::Tool;

/// The value of an argument.
pub(crate) fn argument(store: &mut Store<Tool>, arg: &WastArgCore<'_>) -> Outcome<Val> {
    Ok(match arg {
        WastArgCore::I32(value) => Val::I32(*value),
        WastArgCore::I64(value) => Val::I64(*value),
        WastArgCore::F32(value) => Val::F32(value.bits),
        WastArgCore::F64(value) => Val::F64(value.bits),
        WastArgCore::V128(value) => Val::V128(u128::from_le_bytes(value.to_le_bytes()).into()),
        WastArgCore::RefNull(ty) => match kind(ty)? {
            Kind::Func => Val::FuncRef(None),
            Kind::Extern => Val::ExternRef(None),
            Kind::Any => Val::AnyRef(None),
            Kind::Exn => Val::ExnRef(None),
        },
        WastArgCore::RefExtern(value) => Val::ExternRef(Some(host_reference(store, *value)?)),
        WastArgCore::RefHost(value) => {
            let reference = host_reference(store, *value)?;
            let reference = AnyRef::convert_extern(store, reference)
                .map_err(|error| Stop::fail("a host reference", format!("{error:#}")))?;
            Val::AnyRef(Some(reference))
        }
    })
}

/// Whether a result is what a script expects.
pub(crate) fn matches(
    store: &Store<Tool>,
    expected: &WastRetCore<'_>,
    found: &Val,
) -> Outcome<bool> {
    Ok(match (expected, found) {
        (WastRetCore::I32(expected), Val::I32(found)) => expected == found,
        (WastRetCore::I64(expected), Val::I64(found)) => expected == found,
        (WastRetCore::F32(expected), Val::F32(found)) => f32_matches(expected, *found),
        (WastRetCore::F64(expected), Val::F64(found)) => f64_matches(expected, *found),
        (WastRetCore::V128(expected), Val::V128(found)) => {
            v128_matches(expected, found.as_u128().to_le_bytes())
        }
        (WastRetCore::RefNull(None), found) => {
            matches!(
                found,
                Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None)
            )
        }
        (WastRetCore::RefNull(Some(ty)), found) => match kind(ty)? {
            Kind::Func => matches!(found, Val::FuncRef(None)),
            Kind::Extern => matches!(found, Val::ExternRef(None)),
            Kind::Any => matches!(found, Val::AnyRef(None)),
            Kind::Exn => matches!(found, Val::ExnRef(None)),
        },
        (WastRetCore::RefExtern(expected), Val::ExternRef(Some(found))) => {
            expected.is_none_or(|expected| host_value(store, found) == Some(expected))
        }
        // Scripts do not say which function.
        (WastRetCore::RefFunc(_), Val::FuncRef(Some(_))) => true,
        (WastRetCore::Either(cases), found) => {
            for case in cases {
                if matches(store, case, found)? {
                    return Ok(true);
                }
            }
            false
        }
        (WastRetCore::RefHost(expected), Val::AnyRef(Some(found))) => {
            guest_host_value(store, *found) == Some(*expected)
        }
        (WastRetCore::RefAny, Val::AnyRef(Some(_))) => true,
        (WastRetCore::RefEq, Val::AnyRef(Some(found))) => {
            matches!(found.as_eqref(store), Ok(Some(_)))
        }
        (WastRetCore::RefArray, Val::AnyRef(Some(found))) => {
            matches!(found.as_array(store), Ok(Some(_)))
        }
        (WastRetCore::RefStruct, Val::AnyRef(Some(found))) => {
            matches!(found.as_struct(store), Ok(Some(_)))
        }
        (WastRetCore::RefI31, Val::AnyRef(Some(found))) => matches!(found.is_i31(store), Ok(true)),
        (WastRetCore::RefI31Shared, _) => return Err(Stop::needs("shared-everything-threads")),
        _ => false,
    })
}

/// The hierarchies of references.
enum Kind {
    Func,
    Extern,
    Any,
    Exn,
}

fn kind(ty: &HeapType<'_>) -> Outcome<Kind> {
    match ty {
        HeapType::Abstract { shared: false, ty } => match ty {
            AbstractHeapType::Func | AbstractHeapType::NoFunc => Ok(Kind::Func),
            AbstractHeapType::Extern | AbstractHeapType::NoExtern => Ok(Kind::Extern),
            AbstractHeapType::Exn | AbstractHeapType::NoExn => Ok(Kind::Exn),
            AbstractHeapType::Cont | AbstractHeapType::NoCont => {
                Err(Stop::needs("stack-switching"))
            }
            _ => Ok(Kind::Any),
        },
        HeapType::Abstract { .. } => Err(Stop::needs("shared-everything-threads")),
        // A script cannot say what kind of type it is; none of the suite's does.
        HeapType::Concrete(_) => Ok(Kind::Func),
        HeapType::Exact(_) => Err(Stop::needs("custom-descriptors")),
    }
}

/// A host reference with a number.
fn host_reference(store: &mut Store<Tool>, value: u32) -> Outcome<Rooted<ExternRef>> {
    ExternRef::new(store, value)
        .map_err(|error| Stop::fail("a host reference", format!("{error:#}")))
}

/// The number that a script gave to a host reference among the guest's values.
fn guest_host_value(store: &Store<Tool>, reference: Rooted<AnyRef>) -> Option<u32> {
    host_value(store, &*ExternRef::convert_any(store, reference).ok()?)
}

/// The number that a script gave to a host reference.
fn host_value(store: &Store<Tool>, reference: &ExternRef) -> Option<u32> {
    reference.data(store).ok()?.and_then(|data| data.downcast_ref::<u32>().copied())
}

fn f32_matches(expected: &NanPattern<F32>, found: u32) -> bool {
    /// All ones but the sign: the quiet NaN without a payload is canonical.
    const QUIET: u32 = 0x7fc0_0000;
    match expected {
        NanPattern::CanonicalNan => found & 0x7fff_ffff == QUIET,
        NanPattern::ArithmeticNan => found & QUIET == QUIET,
        NanPattern::Value(value) => found == value.bits,
    }
}

fn f64_matches(expected: &NanPattern<F64>, found: u64) -> bool {
    const QUIET: u64 = 0x7ff8_0000_0000_0000;
    match expected {
        NanPattern::CanonicalNan => found & 0x7fff_ffff_ffff_ffff == QUIET,
        NanPattern::ArithmeticNan => found & QUIET == QUIET,
        NanPattern::Value(value) => found == value.bits,
    }
}

fn v128_matches(expected: &V128Pattern, found: [u8; 16]) -> bool {
    /// Compares lane by lane.
    fn lanes<const N: usize, T>(
        expected: &[T],
        found: [u8; 16],
        same: impl Fn(&T, [u8; N]) -> bool,
    ) -> bool {
        let (found, _) = found.as_chunks::<N>();
        expected.len() == found.len()
            && expected.iter().zip(found).all(|(expected, found)| same(expected, *found))
    }
    match expected {
        V128Pattern::I8x16(lanes_) => lanes(lanes_, found, |a, b| a.to_le_bytes() == b),
        V128Pattern::I16x8(lanes_) => lanes(lanes_, found, |a, b| a.to_le_bytes() == b),
        V128Pattern::I32x4(lanes_) => lanes(lanes_, found, |a, b| a.to_le_bytes() == b),
        V128Pattern::I64x2(lanes_) => lanes(lanes_, found, |a, b| a.to_le_bytes() == b),
        V128Pattern::F32x4(lanes_) => {
            lanes(lanes_, found, |a, b| f32_matches(a, u32::from_le_bytes(b)))
        }
        V128Pattern::F64x2(lanes_) => {
            lanes(lanes_, found, |a, b| f64_matches(a, u64::from_le_bytes(b)))
        }
    }
}

/// Writes results the way a script would.
pub(crate) fn show(store: &Store<Tool>, values: &[Val]) -> String {
    list(values.iter().map(|value| match value {
        Val::I32(value) => format!("(i32.const {value})"),
        Val::I64(value) => format!("(i64.const {value})"),
        Val::F32(_) => format!("(f32.const {value})"),
        Val::F64(_) => format!("(f64.const {value})"),
        Val::V128(value) => {
            let bytes = value.as_u128().to_le_bytes();
            show_v128(
                "i32x4",
                bytes
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|&lane| format!("{:#010x}", u32::from_le_bytes(lane))),
            )
        }
        Val::FuncRef(None) => "(ref.null func)".into(),
        Val::FuncRef(Some(_)) => "(ref.func)".into(),
        Val::ExternRef(None) => "(ref.null extern)".into(),
        Val::AnyRef(None) => "(ref.null any)".into(),
        Val::AnyRef(Some(reference)) => match guest_host_value(store, *reference) {
            Some(value) => format!("(ref.host {value})"),
            None => match reference.ty(store) {
                Ok(ty) => format!("(ref {ty})"),
                Err(error) => error.to_string(),
            },
        },
        Val::ExnRef(None) => "(ref.null exn)".into(),
        Val::ExnRef(Some(_)) => "(ref.exn)".into(),
        Val::ExternRef(Some(reference)) => match host_value(store, reference) {
            Some(value) => format!("(ref.extern {value})"),
            None => "(ref.extern)".into(),
        },
    }))
}

/// Writes what a script expects the way it does.
pub(crate) fn show_expected(values: &[&WastRetCore<'_>]) -> String {
    list(values.iter().map(|value| show_pattern(value)))
}

fn list(values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.collect();
    if values.is_empty() { "no results".into() } else { values.join(" ") }
}

fn show_pattern(value: &WastRetCore<'_>) -> String {
    match value {
        WastRetCore::I32(value) => format!("(i32.const {value})"),
        WastRetCore::I64(value) => format!("(i64.const {value})"),
        WastRetCore::F32(pattern) => {
            format!("(f32.const {})", show_nan(pattern, |value| Val::F32(value.bits).to_string()))
        }
        WastRetCore::F64(pattern) => {
            format!("(f64.const {})", show_nan(pattern, |value| Val::F64(value.bits).to_string()))
        }
        WastRetCore::V128(pattern) => match pattern {
            V128Pattern::I8x16(lanes) => show_v128("i8x16", lanes.iter().map(i8::to_string)),
            V128Pattern::I16x8(lanes) => show_v128("i16x8", lanes.iter().map(i16::to_string)),
            V128Pattern::I32x4(lanes) => show_v128("i32x4", lanes.iter().map(i32::to_string)),
            V128Pattern::I64x2(lanes) => show_v128("i64x2", lanes.iter().map(i64::to_string)),
            V128Pattern::F32x4(lanes) => show_v128(
                "f32x4",
                lanes.iter().map(|lane| show_nan(lane, |v| Val::F32(v.bits).to_string())),
            ),
            V128Pattern::F64x2(lanes) => show_v128(
                "f64x2",
                lanes.iter().map(|lane| show_nan(lane, |v| Val::F64(v.bits).to_string())),
            ),
        },
        WastRetCore::RefNull(_) => "(ref.null)".into(),
        WastRetCore::RefExtern(Some(value)) => format!("(ref.extern {value})"),
        WastRetCore::RefExtern(None) => "(ref.extern)".into(),
        WastRetCore::RefHost(value) => format!("(ref.host {value})"),
        WastRetCore::RefFunc(_) => "(ref.func)".into(),
        WastRetCore::RefAny => "(ref.any)".into(),
        WastRetCore::RefEq => "(ref.eq)".into(),
        WastRetCore::RefArray => "(ref.array)".into(),
        WastRetCore::RefStruct => "(ref.struct)".into(),
        WastRetCore::RefI31 => "(ref.i31)".into(),
        WastRetCore::RefI31Shared => "(ref.i31_shared)".into(),
        WastRetCore::Either(cases) => {
            let mut text = String::from("(either");
            for case in cases {
                let _ = write!(text, " {}", show_pattern(case));
            }
            text + ")"
        }
    }
}

fn show_nan<T>(pattern: &NanPattern<T>, show: impl Fn(&T) -> String) -> String {
    match pattern {
        NanPattern::CanonicalNan => "nan:canonical".into(),
        NanPattern::ArithmeticNan => "nan:arithmetic".into(),
        NanPattern::Value(value) => show(value),
    }
}

fn show_v128(shape: &str, lanes: impl Iterator<Item = String>) -> String {
    format!("(v128.const {shape} {})", lanes.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_patterns() {
        for (bits, canonical, arithmetic) in [
            (0x7fc0_0000, true, true),
            (0xffc0_0000, true, true),
            (0x7fc0_0001, false, true),
            (0xffff_ffff, false, true),
            (0x7f80_0001, false, false),
            (0x7f80_0000, false, false),
            (0, false, false),
        ] {
            assert_eq!(f32_matches(&NanPattern::CanonicalNan, bits), canonical, "{bits:#x}");
            assert_eq!(f32_matches(&NanPattern::ArithmeticNan, bits), arithmetic, "{bits:#x}");
        }
        let quiet = 0x7ff8_0000_0000_0000;
        for (bits, canonical, arithmetic) in [
            (quiet, true, true),
            (quiet | 1 << 63, true, true),
            (quiet | 1, false, true),
            (0x7ff0_0000_0000_0001, false, false),
            (1.0f64.to_bits(), false, false),
        ] {
            assert_eq!(f64_matches(&NanPattern::CanonicalNan, bits), canonical, "{bits:#x}");
            assert_eq!(f64_matches(&NanPattern::ArithmeticNan, bits), arithmetic, "{bits:#x}");
        }
    }

    #[test]
    fn vectors_compare_lane_by_lane() {
        let nan = [0x7fc0_0000u32, 0x7fc0_0001, 0, 0x3f80_0000];
        let bytes: Vec<u8> = nan.iter().flat_map(|lane| lane.to_le_bytes()).collect();
        let bytes: [u8; 16] = bytes.try_into().unwrap();
        let value = |bits| NanPattern::Value(F32 { bits });
        let expected = |second| {
            V128Pattern::F32x4([NanPattern::CanonicalNan, second, value(0), value(0x3f80_0000)])
        };
        assert!(v128_matches(&expected(NanPattern::ArithmeticNan), bytes));
        assert!(!v128_matches(&expected(NanPattern::CanonicalNan), bytes));
        let lanes = V128Pattern::I32x4(nan.map(|lane| lane as i32));
        assert!(v128_matches(&lanes, bytes));
        assert!(!v128_matches(&V128Pattern::I64x2([0, 0]), bytes));
    }
}
