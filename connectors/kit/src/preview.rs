//! What would be written, before anything is sent.

use serde_json::Value;

/// One field as it would be written, under the name the other system has for it.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedField {
    /// The field's name there; members of members are joined by dots.
    pub name: String,
    /// Its value.
    pub value: RenderedValue,
}

/// A value as far as it is known without asking anybody.
#[derive(Clone, Debug, PartialEq)]
pub enum RenderedValue {
    /// This; null where the field is emptied.
    Fixed(Value),
    /// What the other side has for it: the text says what is looked up.
    LookedUp(String),
}

/// The record of one delivery as its connector would write it: the key first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendered {
    /// In the order a reader expects.
    pub fields: Vec<RenderedField>,
}

impl Rendered {
    /// A record of which only the key is known.
    pub fn keyed(name: impl Into<String>, key: impl Into<Value>) -> Self {
        let mut record = Self::default();
        record.fixed(name, key);
        record
    }

    /// Adds a field with its value.
    pub fn fixed(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.fields.push(RenderedField {
            name: name.into(),
            value: RenderedValue::Fixed(value.into()),
        });
    }

    /// Adds a field whose value the other side knows.
    pub fn looked_up(&mut self, name: impl Into<String>, what: impl Into<String>) {
        self.fields.push(RenderedField {
            name: name.into(),
            value: RenderedValue::LookedUp(what.into()),
        });
    }

    /// Adds the members of a JSON object, those of objects inside it by their whole path. Lists stay whole.
    pub fn members(&mut self, under: &str, object: &Value) {
        let Value::Object(members) = object else {
            return self.fixed(under, object.clone());
        };
        for (name, value) in members {
            let path = match under {
                "" => name.clone(),
                _ => format!("{under}.{name}"),
            };
            self.members(&path, value);
        }
    }

    /// The field of this name.
    pub fn get(&self, name: &str) -> Option<&RenderedValue> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        Some(&field.value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_of_members_are_named_by_their_path_and_lists_stay_whole() {
        let mut record = Rendered::keyed("key", "01");
        record.members(
            "",
            &json!({ "a": { "b": 1, "c": { "d": null } }, "list": [{ "x": 1 }] }),
        );
        let names: Vec<&str> = record.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["key", "a.b", "a.c.d", "list"]);
        assert_eq!(record.get("a.c.d"), Some(&RenderedValue::Fixed(Value::Null)));
        assert_eq!(
            record.get("list"),
            Some(&RenderedValue::Fixed(json!([{ "x": 1 }])))
        );
        assert_eq!(record.get("a"), None);
    }
}
