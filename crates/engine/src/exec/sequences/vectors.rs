//! Sequences with operations on vectors.

use super::*;
use crate::exec::vector::bytes::*;
use crate::exec::vector::lanes::*;
use crate::exec::vector::moves::*;
use crate::exec::vector::*;
use crate::op::access::lane::*;
use crate::op::vector::*;

include!("vectors.txt");
