//! Counts become figures here: the only casts between whole numbers and floats.

use std::time::Duration;

/// A count as a figure; exact below 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts and bytes here stay far below 2^53"
)]
pub(crate) fn figure(count: u64) -> f64 {
    count as f64
}

/// The length of a list as a figure.
pub(crate) fn length(count: usize) -> f64 {
    figure(u64::try_from(count).unwrap_or(u64::MAX))
}

/// Whole microseconds; a wait beyond `u32` (71 minutes) reads as its maximum.
pub(crate) fn micros(wait: Duration) -> u32 {
    u32::try_from(wait.as_micros()).unwrap_or(u32::MAX)
}

/// Rounds to three digits behind the point, so that JSON lines stay readable.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The value below which `share` (0..=1) of the sorted list lies; `None` when it is empty.
pub(crate) fn percentile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get(index(length(last) * share)).copied()
}

/// The whole part of a figure; what is negative is 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures here stay far below 2^53"
)]
pub(crate) fn floor(figure: f64) -> u64 {
    figure.max(0.0) as u64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rounded share of a list's length is a whole number inside the list"
)]
fn index(place: f64) -> usize {
    place.round() as usize
}

/// The middle of the list; the mean of the two middle ones when its length is even.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*sorted.get(middle - 1)?, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_list_lies_between_the_two_middle_values() {
        assert_eq!(median(&[9.0, 1.0, 4.0, 2.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 4.0]), Some(4.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn percentiles_stay_inside_the_list() {
        let hundred: Vec<u32> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 0.0), Some(1));
        assert_eq!(percentile(&hundred, 0.99), Some(99));
        assert_eq!(percentile(&hundred, 1.0), Some(100));
        assert_eq!(percentile::<u32>(&[], 0.5), None);
    }
}
