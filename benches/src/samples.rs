//! Measured times, and what to make of them.

use std::time::Duration;

/// The times of one engine with one program, one a round.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// In the order of the rounds.
    pub times: Vec<Duration>,
    /// The first error; the rounds after it were left out.
    pub error: Option<String>,
}

impl Samples {
    /// The median time, if every round succeeded.
    pub fn median(&self) -> Option<Duration> {
        if self.error.is_some() {
            return None;
        }
        let seconds: Vec<_> = self.times.iter().map(Duration::as_secs_f64).collect();
        median(&seconds).map(Duration::from_secs_f64)
    }

    /// How many times longer these took than those of another engine: the median of the rounds'
    /// ratios. The two were measured one after the other in each round, so what slows the whole
    /// machine down for a while cancels out.
    pub fn ratio_to(&self, other: &Samples) -> Option<f64> {
        if self.error.is_some() || other.error.is_some() {
            return None;
        }
        let pairs = self.times.iter().zip(&other.times);
        let ratios: Vec<_> = pairs.map(|(a, b)| a.as_secs_f64() / b.as_secs_f64()).collect();
        median(&ratios)
    }

    /// Half of the distance between the largest and the smallest time, as a part of the median.
    pub fn spread(&self) -> Option<f64> {
        let (least, most) = (self.times.iter().min()?, self.times.iter().max()?);
        Some((*most - *least).as_secs_f64() / 2.0 / self.median()?.as_secs_f64())
    }
}

/// The middle value, or the mean of the two in the middle.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// The n-th root of the product.
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let logs: f64 = values.iter().map(|value| value.ln()).sum();
    Some((logs / values.len() as f64).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(geometric_mean(&[]), None);
        assert!((geometric_mean(&[0.5, 2.0, 8.0]).unwrap() - 2.0).abs() < 1e-12);
    }

    #[test]
    fn ratios_are_taken_within_rounds() {
        let samples = |times: [u64; 3]| Samples {
            times: times.map(Duration::from_millis).to_vec(),
            error: None,
        };
        // The machine was three times slower in the second round.
        let (a, b) = (samples([10, 30, 11]), samples([20, 60, 22]));
        assert_eq!(a.ratio_to(&b), Some(0.5));
        let failed = Samples { error: Some("trap".to_owned()), ..a.clone() };
        assert_eq!(failed.ratio_to(&b), None);
        assert_eq!(failed.median(), None);
    }
}
