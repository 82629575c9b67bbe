//! The numbers that loads, stores and views move.

/// A number with a fixed-width, little-endian form in memory.
///
/// Implemented for `u8` to `u128`, `i8` to `i128`, `f32`, `f64` and `[u8; 16]`, and for nothing
/// else: the trait is sealed. A `v128` is moved as a `u128`, or as the bytes it consists of.
pub trait Scalar: Copy + sealed::Scalar {
    /// The number of bytes in memory: 1, 2, 4, 8 or 16.
    const WIDTH_BYTES: u64 = size_of::<Self::Bytes>() as u64;
}

/// A [`Scalar`] that is an integer, and so can be extended to a wider one.
pub trait Integer: Scalar {}

mod sealed {
    /// # Safety
    ///
    /// `Bytes` must be an array of `u8`: any bytes are a value of it, at any alignment.
    pub unsafe trait Scalar {
        /// The little-endian form.
        type Bytes: Copy + Default + AsRef<[u8]> + AsMut<[u8]>;

        fn into_bytes(self) -> Self::Bytes;

        fn from_bytes(bytes: Self::Bytes) -> Self;
    }
}

macro_rules! scalars {
    ($($ty:ty)*) => {$(
        // SAFETY: `Bytes` is an array of `u8`.
        unsafe impl sealed::Scalar for $ty {
            type Bytes = [u8; size_of::<$ty>()];

            #[inline(always)]
            fn into_bytes(self) -> Self::Bytes {
                self.to_le_bytes()
            }

            #[inline(always)]
            fn from_bytes(bytes: Self::Bytes) -> Self {
                <$ty>::from_le_bytes(bytes)
            }
        }

        impl Scalar for $ty {}
    )*};
}

macro_rules! integers {
    ($($ty:ty)*) => {
        scalars! { $($ty)* }
        $(impl Integer for $ty {})*
    };
}

// SAFETY: `Bytes` is an array of `u8`.
unsafe impl sealed::Scalar for [u8; 16] {
    type Bytes = [u8; 16];

    #[inline(always)]
    fn into_bytes(self) -> [u8; 16] {
        self
    }

    #[inline(always)]
    fn from_bytes(bytes: [u8; 16]) -> [u8; 16] {
        bytes
    }
}

impl Scalar for [u8; 16] {}

integers! { u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 }
scalars! { f32 f64 }
