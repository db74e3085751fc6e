//! `GET` of the collection and of one referral (contract partner-center 4).

use std::cmp::Ordering;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::access::Caller;
use super::answer::{Answer, Refusal, quoted};
use super::filter::Filter;
use super::pages::{Place, View};
use super::schema;
use super::settings::{FilterTimes, NextLink};
use super::store::{Record, Service};

impl Service {
    pub(super) fn get(&mut self, id: &str, caller: &Caller) -> Result<Answer, Refusal> {
        let record = self.seen(id, caller)?;
        Ok(self.shown(200, record))
    }

    /// A referral this caller may see, once it can be seen.
    pub(super) fn seen(&self, id: &str, caller: &Caller) -> Result<&Record, Refusal> {
        let record = self.records.get(id.to_ascii_lowercase().as_str());
        let record = record
            .filter(|record| record.is_readable(self.now))
            .ok_or_else(Refusal::unknown)?;
        if caller.sees(record) {
            return Ok(record);
        }
        Err(Refusal::denied("The user is not on the team of the referral."))
    }

    /// The referral and its eTag.
    pub(super) fn shown(&self, status: u16, record: &Record) -> Answer {
        let text = record.text();
        let mut body = Vec::with_capacity(text.len() + 128);
        body.extend_from_slice(br#"{"@odata.context":"#);
        body.extend_from_slice(quoted(&self.context("/$entity")).as_bytes());
        body.push(b',');
        body.extend_from_slice(&text[1..]);
        Answer::json(status, body).with("etag", record.etag())
    }

    /// Plain http, as the examples have it.
    fn context(&self, more: &str) -> String {
        format!(
            "{}/v1.0/$metadata#Referrals{more}",
            in_the_clear(&self.referrals_origin)
        )
    }

    pub(super) fn list(&mut self, query: &str, caller: &Caller) -> Result<Answer, Refusal> {
        let place = self.place(query)?;
        let view = Arc::clone(&place.view);
        let mut found: Vec<&Record> = self
            .records
            .values()
            .filter(|record| record.is_readable(self.now) && caller.sees(record))
            .filter(|record| view.filter.as_ref().is_none_or(|filter| filter.holds(record)))
            .filter(|record| {
                let after = place.after.as_ref();
                after.is_none_or(|(keys, id)| {
                    view.compare(&view.keys(record), id_of(record), keys, id).is_gt()
                })
            })
            .collect();
        if !view.order.is_empty() {
            found.sort_by(|one, other| {
                view.compare(&view.keys(one), id_of(one), &view.keys(other), id_of(other))
            });
        }
        let rest = found.get(place.skip..).unwrap_or_default();
        let page = &rest[..rest.len().min(place.left).min(self.settings.page_size)];
        let shown: Vec<String> = page.iter().map(|record| view.show(record)).collect();
        let next = page.last().filter(|_| page.len() < rest.len().min(place.left));
        let next = next.map(|last| Place {
            view: Arc::clone(&view),
            after: Some((view.keys(last), Arc::from(id_of(last)))),
            skip: 0,
            left: place.left - page.len(),
        });
        let next = next.map(|next| self.pages.keep(next));
        Ok(self.page(&shown, &view, next.as_deref()))
    }

    fn page(&self, shown: &[String], view: &View, next: Option<&str>) -> Answer {
        let context = quoted(&self.context(""));
        // The number of the page, not of all (contract partner-center 4.2).
        let count = if view.count {
            format!(r#","@odata.count":{}"#, shown.len())
        } else {
            String::new()
        };
        let value = shown.join(",");
        let next = next.map_or_else(String::new, |token| {
            format!(r#","@odata.nextLink":{}"#, quoted(&self.next_link(token)))
        });
        Answer::json(
            200,
            format!(r#"{{"@odata.context":{context}{count},"value":[{value}]{next}}}"#),
        )
    }

    fn next_link(&self, token: &str) -> String {
        let token = token.replace('/', "%2f").replace('+', "%2b");
        let origin = &self.referrals_origin;
        let base = match &self.settings.next_link {
            NextLink::Documented => format!("{}/v1.0/referrals", in_the_clear(origin)),
            NextLink::WellFormed => format!("{origin}/v1.0/engagements/referrals"),
            NextLink::Elsewhere(other) => format!("{other}/v1.0/engagements/referrals"),
        };
        format!("{base}?$skiptoken={token}")
    }

    fn place(&self, query: &str) -> Result<Place, Refusal> {
        let options = options(query)?;
        let token = options.iter().find(|(name, _)| name == "$skiptoken");
        if let Some((_, token)) = token {
            let known = self.pages.find(token);
            return known.ok_or_else(|| Refusal::malformed("The $skiptoken is not valid."));
        }
        let mut place = Place {
            view: Arc::default(),
            after: None,
            skip: 0,
            left: usize::MAX,
        };
        let mut view = View {
            count: true,
            ..View::default()
        };
        for (name, value) in &options {
            let unfit = || Refusal::malformed(format!("The value of {name} is not valid."));
            match name.as_str() {
                "$filter" => view.filter = Some(Filter::read(value, self.settings.filter_times)?),
                "$orderby" => view.order = order(value).ok_or_else(unfit)?,
                "$select" => view.select = Some(select(value)?),
                "$top" => place.left = value.parse().ok().filter(|top| *top > 0).ok_or_else(unfit)?,
                "$skip" => place.skip = value.parse().map_err(|_| unfit())?,
                "$count" => view.count = value.parse().map_err(|_| unfit())?,
                _ => return Err(Refusal::malformed(format!("The option {name} is not supported."))),
            }
        }
        if self.settings.filter_times == FilterTimes::Refused && value_names_time(&options) {
            return Err(Refusal::malformed("Times cannot be filtered by."));
        }
        place.view = Arc::new(view);
        Ok(place)
    }
}

impl View {
    fn keys(&self, record: &Record) -> Vec<DateTime<Utc>> {
        let key = |(created, _): &(bool, bool)| if *created { record.created } else { record.updated };
        self.order.iter().map(key).collect()
    }

    fn compare(
        &self,
        one: &[DateTime<Utc>],
        one_id: &str,
        other: &[DateTime<Utc>],
        other_id: &str,
    ) -> Ordering {
        for ((one, other), (_, newest_first)) in one.iter().zip(other).zip(&self.order) {
            let order = if *newest_first {
                other.cmp(one)
            } else {
                one.cmp(other)
            };
            if order.is_ne() {
                return order;
            }
        }
        one_id.cmp(other_id)
    }

    fn show(&self, record: &Record) -> String {
        let Some(names) = &self.select else {
            return String::from_utf8_lossy(record.text()).into_owned();
        };
        let chosen = names
            .iter()
            .map(|name| (name.clone(), record.value[name].clone()));
        Value::from(chosen.collect::<Map<_, _>>()).to_string()
    }
}

fn id_of(record: &Record) -> &str {
    record.value["id"].as_str().unwrap_or_default()
}

/// Without TLS, wherever it is.
fn in_the_clear(origin: &str) -> String {
    origin.replacen("https://", "http://", 1)
}

fn value_names_time(options: &[(String, String)]) -> bool {
    let filters = options.iter().filter(|(name, _)| name == "$filter");
    filters.into_iter().any(|(_, filter)| filter.contains("DateTime"))
}

/// Names and values, decoded; none twice.
fn options(query: &str) -> Result<Vec<(String, String)>, Refusal> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let mut options: Vec<(String, String)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name);
        if options.iter().any(|(other, _)| *other == name) {
            return Err(Refusal::malformed(format!("The option {name} is given twice.")));
        }
        options.push((name, decode(value)));
    }
    Ok(options)
}

fn order(text: &str) -> Option<Vec<(bool, bool)>> {
    let one = |part: &str| {
        let mut words = part.split_whitespace();
        let created = match words.next()? {
            "createdDateTime" => true,
            "updatedDateTime" => false,
            _ => return None,
        };
        let newest_first = match words.next() {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return None,
        };
        words.next().is_none().then_some((created, newest_first))
    };
    text.split(',').map(one).collect()
}

fn select(text: &str) -> Result<Vec<String>, Refusal> {
    let known = |name: &str| match schema::top(name) {
        Some(field) => Ok(field.name.to_owned()),
        None => Err(Refusal::malformed(format!("There is no property {name}."))),
    };
    text.split(',').map(str::trim).map(known).collect()
}
