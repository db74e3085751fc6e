//! `$batch`: requests in a row, change sets, and what became of each (contract dynamics365 10.1).

mod parts;
mod written;

use std::collections::{HashMap, HashSet};

use http::Method;

use super::Environment;
use super::answer::{Answer, Refusal};
use super::call::Call;
use parts::{Operation, Part};
use written::Done;

/// A batch holds no more.
const MOST: usize = 1000;

impl Environment {
    pub(super) fn batch(&mut self, call: &Call) -> Result<Answer, Refusal> {
        if call.method != Method::POST {
            return Err(Refusal::method());
        }
        let kind = call.header("content-type").unwrap_or_default();
        let parts = parts::read(kind, &call.body)?;
        limits(&parts)?;
        let goes_on = call.preferences().continue_on_error;
        let mut done = Vec::new();
        let mut failed = None;
        for part in &parts {
            let item = self.part(part, call);
            let status = item.failed();
            done.push(item);
            if status.is_some() && !goes_on {
                failed = status;
                break;
            }
        }
        self.answers += 1;
        Ok(written::answer(failed.unwrap_or(200), &done, self.answers))
    }

    fn part(&mut self, part: &Part, call: &Call) -> Done {
        match part {
            Part::Single(operation) => {
                let result = self.operation(operation, call, &HashMap::new());
                Done::Single(result.unwrap_or_else(|refusal| refusal.answer()))
            }
            Part::ChangeSet(operations) => self.change_set(operations, call),
        }
    }

    /// All of them, or none.
    fn change_set(&mut self, operations: &[Operation], call: &Call) -> Done {
        let mark = self.store.mark();
        let mut references = HashMap::new();
        let mut done = Vec::new();
        for operation in operations {
            match self.operation(operation, call, &references) {
                Ok(answer) => {
                    let id = operation.content_id.clone().unwrap_or_default();
                    if let Some(url) = answer.header("OData-EntityId") {
                        references.insert(id.clone(), url.to_owned());
                    }
                    done.push((id, answer));
                }
                Err(refusal) => {
                    self.store.back_to(mark);
                    let id = operation.content_id.clone().unwrap_or_default();
                    return if self.settings.nest_failed_change_set {
                        Done::ChangeSet(vec![(id, refusal.answer())])
                    } else {
                        Done::Single(refusal.answer())
                    };
                }
            }
        }
        Done::ChangeSet(done)
    }

    fn operation(
        &mut self,
        operation: &Operation,
        outer: &Call,
        references: &HashMap<String, String>,
    ) -> Result<Answer, Refusal> {
        let target = match operation.url.strip_prefix('$') {
            Some(id) => {
                let url = references.get(id);
                url.ok_or_else(|| super::payload::no_reference(&operation.url))?
            }
            None => &operation.url,
        };
        let target = target.strip_prefix(&self.origin).unwrap_or(target);
        let (version, path, query) =
            super::front::resource(target).ok_or_else(|| Refusal::no_resource(target))?;
        if path == "$batch" {
            return Err(Refusal::odata("A batch does not hold another one."));
        }
        let call = Call {
            method: operation.method.clone(),
            version: version.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: operation.headers.clone(),
            body: operation.body.clone(),
            references: references.clone(),
            user: outer.user.clone(),
        };
        self.allowed(&call)?;
        let answer = self.one(&call)?;
        let created = call.method == Method::POST && answer.status == 204;
        Ok(match answer.header("OData-EntityId").map(str::to_owned) {
            Some(url) if created => answer.with("Location", url),
            _ => answer,
        })
    }
}

fn limits(parts: &[Part]) -> Result<(), Refusal> {
    let operations = parts.iter().flat_map(Part::operations);
    let count = operations.clone().count();
    if count > MOST {
        return Err(Refusal::odata(format!(
            "The number of requests in the batch exceeded the limit of {MOST}."
        )));
    }
    let mut seen = HashSet::new();
    for id in operations.filter_map(|operation| operation.content_id.as_deref()) {
        if !seen.insert(id) {
            return Err(Refusal::odata(format!(
                "The content ID '{id}' was specified more than once."
            )));
        }
    }
    for part in parts {
        let Part::ChangeSet(operations) = part else {
            continue;
        };
        if operations.iter().any(|operation| operation.method == Method::GET) {
            return Err(Refusal::odata("A change set does not hold a GET."));
        }
        if operations.iter().any(|operation| operation.content_id.is_none()) {
            return Err(Refusal::odata(
                "Every request of a change set needs a Content-ID.",
            ));
        }
    }
    Ok(())
}
