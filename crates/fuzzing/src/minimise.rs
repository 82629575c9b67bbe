//! Makes a failing test case small.

use std::time::{Duration, Instant};

use crate::Target;

/// The smallest test case found that still fails, in at most `time`.
///
/// Generators read their choices from the front and choose what is simplest when the bytes are
/// used up, so most is won by cutting the end off; then parts are left out or made zero.
pub fn minimise(target: &Target, failing: &[u8], time: Duration) -> Vec<u8> {
    let deadline = Instant::now() + time;
    let mut best = failing.to_vec();
    let mut chunk = best.len() / 2;
    while chunk > 0 && Instant::now() < deadline {
        let mut at = best.len().saturating_sub(chunk);
        let mut smaller = false;
        while Instant::now() < deadline {
            let end = (at + chunk).min(best.len());
            let without = [&best[..at], &best[end..]].concat();
            let mut zeroed = best.clone();
            zeroed[at..end].fill(0);
            if let Some(found) = [without, zeroed]
                .into_iter()
                .find(|bytes| *bytes != best && target.run(bytes).is_err())
            {
                smaller = true;
                best = found;
            }
            if at == 0 {
                break;
            }
            at = at.min(best.len()).saturating_sub(chunk);
        }
        if !smaller || chunk > best.len() {
            chunk = (chunk / 2).min(best.len() / 2);
        }
    }
    best
}
