//! Many rows: filter, order, pages (contract dynamics365 11).

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Environment;
use super::answer::{Answer, Refusal};
use super::call::{Call, Preferences};
use super::filter::truth;
use super::options::{self, Options};
use super::present::View;
use super::schema::Table;

/// No page is longer.
const LARGEST_PAGE: usize = 5000;
/// `@odata.count` goes no further.
const LARGEST_COUNT: usize = 5000;

/// Where the pages that were promised go on, by the raw query of their link.
#[derive(Default)]
pub(super) struct Pages {
    promised: HashMap<String, Page>,
}

/// What is left of a result.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) items: Arc<[Item]>,
    pub(super) from: usize,
    pub(super) number: usize,
    /// The version a delta link at the end will carry.
    pub(super) stamp: Option<String>,
    pub(super) is_delta: bool,
    pub(super) total: Option<usize>,
}

/// One line of a result.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Row(String),
    Deleted(String),
}

impl Environment {
    /// `GET` of a set.
    pub(super) fn query(&mut self, table: &'static str, call: &Call) -> Result<Answer, Refusal> {
        self.privileged("Read", table)?;
        let options = Options::read(&call.query)?;
        let preferences = call.preferences();
        self.visible(self.table(table)?, &options)?;
        let page = if options.skip_token.is_some() {
            let link = format!("{}?{}", call.path, call.query);
            let promised = self.pages.promised.get(&link).cloned();
            promised.ok_or_else(|| Refusal::odata("The paging cookie does not belong to this query."))?
        } else if options.delta_token.is_some() || preferences.track_changes {
            self.changes(table, &options)?
        } else {
            self.first_page(table, &options)?
        };
        self.page(table, call, &options, &preferences, &page)
    }

    /// `GET …/$count`
    pub(super) fn count(&self, table: &'static str, call: &Call) -> Result<Answer, Refusal> {
        self.privileged("Read", table)?;
        let options = Options::read(&call.query)?;
        self.visible(self.table(table)?, &options)?;
        let page = if options.delta_token.is_some() {
            self.changes(table, &options)?
        } else {
            self.first_page(table, &options)?
        };
        Ok(Answer::count(page.items.len().min(LARGEST_COUNT)))
    }

    fn first_page(&self, table: &str, options: &Options) -> Result<Page, Refusal> {
        let definition = self.table(table)?;
        let mut rows: Vec<_> = self
            .store
            .rows(table)
            .filter(|(id, row)| {
                let value = |property: &str| self.read(definition, id, row, property);
                options.filter.as_ref().is_none_or(|filter| filter.holds(&value))
            })
            .collect();
        for (property, descending) in options.order.iter().rev() {
            rows.sort_by(|(one, row), (other, next)| {
                let left = self.read(definition, one, row, property);
                let right = self.read(definition, other, next, property);
                let order = truth::order(&left, &right).unwrap_or(std::cmp::Ordering::Equal);
                if *descending { order.reverse() } else { order }
            });
        }
        let total = rows.len();
        let items = rows.into_iter().map(|(id, _)| Item::Row(id.to_owned()));
        Ok(Page {
            items: items.collect(),
            from: 0,
            number: 1,
            stamp: None,
            is_delta: false,
            total: options.count.then_some(total),
        })
    }

    fn page(
        &mut self,
        table: &'static str,
        call: &Call,
        options: &Options,
        preferences: &Preferences,
        page: &Page,
    ) -> Result<Answer, Refusal> {
        let definition = self.table(table)?;
        let size = preferences.page_size.unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
        // With a page size asked for, $top means nothing.
        let top = options.top.filter(|_| preferences.page_size.is_none());
        let most = top.map_or(size, |top| top.min(size));
        let end = page.items.len().min(page.from + most);
        let view = View::of(options, preferences.annotations);
        let lines = page.items[page.from..end].iter();
        let value: Vec<Value> = lines
            .filter_map(|item| self.line(definition, item, &view, &call.version))
            .collect();
        let delta = if page.is_delta { "/$delta" } else { "" };
        let of = format!("{}{}{delta}", definition.set, view.shape());
        let mut body = Map::new();
        body.insert("@odata.context".to_owned(), self.context(&call.version, &of));
        if let Some(total) = page.total {
            body.insert("@odata.count".to_owned(), total.min(LARGEST_COUNT).into());
        }
        if preferences.annotations {
            let over = page.total.is_some_and(|total| total > LARGEST_COUNT);
            body.insert(
                "@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded".to_owned(),
                over.into(),
            );
        }
        body.insert("value".to_owned(), value.into());
        if end < page.items.len() && top.is_none() {
            body.insert("@odata.nextLink".to_owned(), self.promise(call, page, end).into());
        } else if let Some(stamp) = &page.stamp {
            let kept = options::without(&call.query, &["$skiptoken", "$deltatoken"]);
            let link = link(&self.origin, call, &kept, &format!("$deltatoken={stamp}"));
            body.insert("@odata.deltaLink".to_owned(), link.into());
        }
        let answer = Answer::json(200, &Value::Object(body));
        Ok(match preferences.applied() {
            Some(applied) => answer.with("Preference-Applied", applied),
            None => answer,
        })
    }

    fn line(&self, table: &Table, item: &Item, view: &View<'_>, version: &str) -> Option<Value> {
        match item {
            Item::Row(id) => {
                let row = self.store.row(table.name, id)?;
                Some(Value::Object(self.show(table, id, row, view)))
            }
            Item::Deleted(id) => Some(json!({
                "@odata.context": self.context(version, &format!("{}/$deletedEntity", table.set)),
                "id": id,
                "reason": "deleted",
            })),
        }
    }

    /// A link to the next page; it has to come back as it is.
    fn promise(&mut self, call: &Call, page: &Page, end: usize) -> String {
        let number = page.number + 1;
        let tracking = if page.stamp.is_some() { "True" } else { "False" };
        let last = match page.items.get(end - 1) {
            Some(Item::Row(id) | Item::Deleted(id)) => id.to_uppercase(),
            None => String::new(),
        };
        // A cookie in XML, encoded, in XML, encoded again.
        let cookie = format!(
            "$skiptoken=%3Ccookie%20pagenumber=%22{number}%22%20pagingcookie=%22%253ccookie%2520page%253d%2522{}%2522\
             %253e%253cid%2520last%253d%2522%257b{last}%257d%2522%2520%252f%253e%253c%252fcookie%253e%22%20istracking=\
             %22{tracking}%22%20/%3E",
            page.number
        );
        let kept = options::without(&call.query, &["$skiptoken"]);
        let link = link(&self.origin, call, &kept, &cookie);
        let query = link.split_once('?').map_or("", |(_, query)| query);
        let key = format!("{}?{query}", call.path);
        let next = Page {
            from: end,
            number,
            ..page.clone()
        };
        self.pages.promised.insert(key, next);
        link
    }
}

fn link(origin: &str, call: &Call, kept: &str, token: &str) -> String {
    let separator = if kept.is_empty() { "" } else { "&" };
    let (version, path) = (&call.version, &call.path);
    format!("{origin}/api/data/{version}/{path}?{kept}{separator}{token}")
}
