//! Which request is which (contract salesforce 1).

use http::Method;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::call::Call;
use super::org::{Org, Seen};

/// The oldest version that is not retired, and the newest there is.
const VERSIONS: (u32, u32) = (31, 68);
/// The first versions with bulk jobs of the second kind, and with composite graphs.
const BULK_SINCE: u32 = 41;
const GRAPH_SINCE: u32 = 50;
const LONGEST_URI: usize = 16_384;

/// A version as a path has it, `v62.0`.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) number: u32,
    pub(super) name: String,
}

impl Version {
    fn read(name: &str) -> Result<Self, Refusal> {
        let number = name
            .strip_prefix('v')
            .and_then(|it| it.strip_suffix(".0"))
            .and_then(|it| it.parse().ok());
        let number: u32 = number.ok_or_else(Refusal::not_found)?;
        if (7..VERSIONS.0).contains(&number) {
            let message = "The requested resource is no longer available";
            return Err(Refusal::new("GONE", message).with_status(410));
        }
        if !(VERSIONS.0..=VERSIONS.1).contains(&number) {
            return Err(Refusal::not_found());
        }
        Ok(Self {
            number,
            name: name.to_owned(),
        })
    }

    pub(super) fn path(&self) -> String {
        format!("/services/data/{}", self.name)
    }
}

impl Org {
    /// Answers a request from outside, and writes it down.
    pub(super) fn answer(&mut self, call: &Call) -> Answer {
        let answer = self.receive(call);
        let query = if call.query.is_empty() {
            String::new()
        } else {
            format!("?{}", call.query)
        };
        self.requests.push(Seen {
            method: call.method.clone(),
            target: format!("{}{query}", call.path),
            headers: call.headers.clone(),
            body: call.body.clone(),
            status: answer.status,
        });
        answer
    }

    fn receive(&mut self, call: &Call) -> Answer {
        if call.path.len() + call.query.len() > LONGEST_URI {
            return Refusal::new("URI_TOO_LONG", "The URI is too long")
                .with_status(414)
                .into();
        }
        let segments = call.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["services", "oauth2", action] => self.oauth(call, action),
            ["id", _, _] => self.who_am_i(call),
            ["services", "data"] => versions(),
            ["services", "data", version, rest @ ..] => {
                let answer = self.data(call, version, rest).unwrap_or_else(Answer::from);
                let info = self.limit_info();
                answer.header("sforce-limit-info", info)
            }
            _ => Refusal::not_found().into(),
        }
    }

    fn data(&mut self, call: &Call, version: &str, rest: &[&str]) -> Result<Answer, Refusal> {
        self.authenticate(call)?;
        let now = self.now();
        self.allowance.take(1, now)?;
        let version = Version::read(version)?;
        self.resource(call, &version, rest)
    }

    /// A part of a composite request, by its path below the host.
    pub(super) fn part(&mut self, call: &Call) -> Answer {
        let segments = call.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let answer = match parts.as_slice() {
            ["services", "data", version, rest @ ..] => {
                Version::read(version).and_then(|version| self.resource(call, &version, rest))
            }
            _ => Err(Refusal::not_found()),
        };
        answer.unwrap_or_else(Answer::from)
    }

    fn resource(&mut self, call: &Call, version: &Version, path: &[&str]) -> Result<Answer, Refusal> {
        match path {
            [] => Ok(Answer::json(200, resources(version))),
            ["limits"] => {
                only(call, &[Method::GET])?;
                self.limits()
            }
            ["sobjects"] => {
                only(call, &[Method::GET])?;
                Ok(self.list_objects(version))
            }
            ["sobjects", object, rest @ ..] => self.sobject(call, version, object, rest),
            ["query" | "queryAll"] => {
                only(call, &[Method::GET])?;
                self.query(call, version, path[0] == "queryAll")
            }
            ["query" | "queryAll", locator] => {
                only(call, &[Method::GET])?;
                self.query_more(version, locator)
            }
            ["composite", rest @ ..] => self.composite_resource(call, version, rest),
            ["jobs", "ingest", rest @ ..] if version.number >= BULK_SINCE => self.ingest(call, version, rest),
            ["tooling", rest @ ..] => self.tooling(call, version, rest),
            _ => Err(Refusal::not_found()),
        }
    }

    fn composite_resource(
        &mut self,
        call: &Call,
        version: &Version,
        path: &[&str],
    ) -> Result<Answer, Refusal> {
        match path {
            [] => self.composite(call),
            ["batch"] => self.batch(call),
            ["graph"] if version.number >= GRAPH_SINCE => self.graphs(call),
            ["sobjects"] => self.collection(call, version),
            ["sobjects", object, field] => self.collection_upsert(call, version, object, field),
            _ => Err(Refusal::not_found()),
        }
    }
}

/// 405 unless the method is one of these.
pub(super) fn only(call: &Call, allowed: &[Method]) -> Result<(), Refusal> {
    if allowed.contains(&call.method) {
        return Ok(());
    }
    let allowed: Vec<_> = allowed.iter().map(Method::as_str).collect();
    let message = format!(
        "HTTP Method '{}' not allowed. Allowed are {}",
        call.method,
        allowed.join(",")
    );
    Err(Refusal::new("METHOD_NOT_ALLOWED", message).with_status(405))
}

fn versions() -> Answer {
    let season = |number: u32| ["Spring", "Summer", "Winter"][(number % 3) as usize];
    let list: Vec<Value> = (VERSIONS.0..=VERSIONS.1)
        .map(|number| {
            let year = 10 + (number - 18 + u32::from(number % 3 == 2)) / 3;
            json!({ "label": format!("{} '{year}", season(number)), "url": format!("/services/data/v{number}.0"),
                "version": format!("{number}.0") })
        })
        .collect();
    Answer::json(200, json!(list))
}

fn resources(version: &Version) -> Value {
    let base = version.path();
    let names = [
        "limits",
        "sobjects",
        "query",
        "queryAll",
        "composite",
        "jobs",
        "tooling",
    ];
    let all = names
        .into_iter()
        .map(|name| (name.to_owned(), json!(format!("{base}/{name}"))));
    Value::Object(all.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seasons_follow_the_published_list() {
        let list = versions().body();
        let label = |version: &str| {
            let found = list
                .as_array()
                .unwrap()
                .iter()
                .find(|it| it["version"] == version)
                .unwrap();
            found["label"].as_str().unwrap().to_owned()
        };
        assert_eq!(label("64.0"), "Summer '25");
        assert_eq!(label("65.0"), "Winter '26");
        assert_eq!(label("66.0"), "Spring '26");
        assert_eq!(label("68.0"), "Winter '27");
    }
}
