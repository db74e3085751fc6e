//! What is usual for a source: how many leads come in each hour of the week.
//!
//! A wait is measured in the leads that usually come meanwhile, so nights and weekends cost nothing. It
//! is improbable when so many stay away that chance alone would do it once in ten years.

/// So much history counts, at most.
pub(super) const WEEKS: i64 = 8;
/// Hours of a week.
const WEEK: i64 = 168;
/// Nothing is usual before so many weeks were heard.
const FEWEST_WEEKS: i64 = 2;
/// Nothing is usual before so many leads came.
const FEWEST_LEADS: u32 = 8;
/// How often chance alone may raise an alarm.
const FALSE_ALARMS_A_YEAR: f64 = 0.1;
/// A wait has to be this much longer than the longest the source itself ever made.
const BEYOND_THE_LONGEST: f64 = 1.25;
/// But one long wait (a holiday, an outage) makes nobody deaf.
const AT_MOST: f64 = 2.0;

/// What is usual for a source.
#[derive(Clone, Debug)]
pub struct Habit {
    weeks: f64,
    /// Leads in each hour of the week, on average; hour 0 is the one that began 1970.
    usual: Vec<f64>,
    weekly: f64,
    /// How improbable a wait must be.
    need: f64,
}

impl Habit {
    /// The habit that shows in the hours in which leads came, oldest first, up to the last of them; none
    /// while there is too little to go by. `first` is the hour of the very first lead.
    pub fn of(hours: &[(i64, u32)], first: i64) -> Option<Self> {
        let (last, _) = *hours.last()?;
        let weeks = ((last - first) / WEEK).min(WEEKS);
        if weeks < FEWEST_WEEKS {
            return None;
        }
        let begin = last - weeks * WEEK;
        let counted: Vec<(i64, u32)> = hours.iter().copied().filter(|(hour, _)| *hour > begin).collect();
        let most = usual_burst(&counted);
        let counted: Vec<(i64, u32)> = counted
            .into_iter()
            .map(|(hour, leads)| (hour, leads.min(most)))
            .collect();
        let total: u32 = counted.iter().map(|(_, leads)| leads).sum();
        if total < FEWEST_LEADS {
            return None;
        }
        let weeks = number(weeks);
        let mut usual = vec![0.0; place(WEEK - 1) + 1];
        for (hour, leads) in &counted {
            usual[place(*hour)] += f64::from(*leads) / weeks;
        }
        let mut habit = Self {
            weeks,
            usual,
            weekly: f64::from(total) / weeks,
            need: 0.0,
        };
        let by_chance = (habit.weekly * 52.0 / FALSE_ALARMS_A_YEAR).ln();
        let longest = habit.longest_wait(&counted) * BEYOND_THE_LONGEST;
        habit.need = longest.clamp(by_chance, by_chance * AT_MOST);
        Some(habit)
    }

    /// The beginning of the hour at which a wait that began in hour `since` has become improbable.
    pub fn ends(&self, since: i64) -> i64 {
        let mut missed = 0.0;
        let mut hour = since + 1;
        while self.surprise(missed) < self.need {
            missed += self.usual[place(hour)];
            hour += 1;
        }
        hour
    }

    /// How many leads usually come between these hours.
    fn between(&self, after: i64, before: i64) -> f64 {
        let weeks = (before - after - 1).max(0) / WEEK;
        let rest = after + 1 + weeks * WEEK..before;
        number(weeks) * self.weekly + rest.map(|hour| self.usual[place(hour)]).sum::<f64>()
    }

    /// How improbable it is that so many stay away, as the logarithm of one in how many. The shorter the
    /// history, the less is known of what is usual, and the less improbable is any wait.
    fn surprise(&self, missed: f64) -> f64 {
        let known = missed.min(self.weekly) * self.weeks;
        if known <= 0.0 {
            return 0.0;
        }
        known * (missed / known).ln_1p()
    }

    /// The most improbable of the source's own waits.
    fn longest_wait(&self, counted: &[(i64, u32)]) -> f64 {
        let waits = counted.windows(2).map(|pair| self.between(pair[0].0, pair[1].0));
        waits.map(|missed| self.surprise(missed)).fold(0.0, f64::max)
    }
}

/// What four of five hours with leads do not exceed: a burst (a fair, a mailing) counts as no more.
fn usual_burst(counted: &[(i64, u32)]) -> u32 {
    let mut leads: Vec<u32> = counted.iter().map(|(_, leads)| *leads).collect();
    leads.sort_unstable();
    let at = (leads.len() * 4).div_ceil(5).saturating_sub(1);
    leads.get(at).copied().unwrap_or(0)
}

/// The hour of the week.
fn place(hour: i64) -> usize {
    usize::try_from(hour.rem_euclid(WEEK)).unwrap_or(0)
}

/// Weeks and hours are small numbers.
fn number(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap_or(i32::MAX))
}
