//! A limit on calls in any 20 seconds, for systems that publish none.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const LENGTH: Duration = Duration::from_secs(20);

/// The calls of the last 20 seconds.
pub(super) struct Window {
    most: u64,
    calls: VecDeque<Instant>,
}

impl Window {
    pub(super) fn new(most: u64) -> Self {
        Self {
            most,
            calls: VecDeque::new(),
        }
    }

    /// Lets a call in and counts it, unless there were too many.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        while self
            .calls
            .front()
            .is_some_and(|at| now.duration_since(*at) >= LENGTH)
        {
            self.calls.pop_front();
        }
        let room = u64::try_from(self.calls.len()).is_ok_and(|calls| calls < self.most);
        if room {
            self.calls.push_back(now);
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_lets_in_so_many_and_more_when_the_first_are_old() {
        let begun = Instant::now();
        let mut window = Window::new(2);
        let seconds = [0, 1, 2, 19, 20, 20, 21];
        let admitted = seconds.map(|after| window.admits(begun + Duration::from_secs(after)));
        assert_eq!(admitted, [true, true, false, false, true, false, true]);
    }
}
