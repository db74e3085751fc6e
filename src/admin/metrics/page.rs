//! The page `/metrics` shows, in the form its reader asks for.

use std::fmt::Write as _;

/// A form Prometheus and others read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageForm {
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
    /// The older text format 0.0.4.
    Text,
}

impl PageForm {
    /// What the header `Content-Type` says.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// What a reader with this header `Accept` likes best; who asks for neither gets the older form.
    pub fn asked_by(accept: &str) -> Self {
        let mut best = (0, Self::Text);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let form = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "application/openmetrics-text" => Self::OpenMetrics,
                "text/plain" | "text/*" => Self::Text,
                _ => continue,
            };
            let liking = liking(parts);
            if liking > best.0 {
                best = (liking, form);
            }
        }
        best.1
    }

    /// Turns a page of `OpenMetrics` into this form.
    pub(super) fn of(self, page: String) -> String {
        match self {
            Self::OpenMetrics => page,
            Self::Text => older(&page),
        }
    }
}

/// The weight `q` in thousandths; 1000 where it is not given.
fn liking<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u32 {
    let given = parameters.find_map(|parameter| parameter.strip_prefix("q="));
    let Some(given) = given else { return 1000 };
    let (whole, fraction) = given.split_once('.').unwrap_or((given, ""));
    let digits = fraction.chars().chain("000".chars()).take(3);
    let thousandths = digits.collect::<String>().parse().unwrap_or(0);
    if whole == "0" { thousandths } else { 1000 }
}

/// The older format names a counter with its `_total` and knows neither units nor an end.
fn older(page: &str) -> String {
    let mut older = String::with_capacity(page.len());
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(about) = line.strip_prefix("# HELP ") else {
            if !line.starts_with('#') {
                older.push_str(line);
                older.push('\n');
            }
            continue;
        };
        let (name, help) = about.split_once(' ').unwrap_or((about, ""));
        let kind = lines
            .next_if(|line| line.starts_with("# TYPE "))
            .and_then(|line| line.rsplit(' ').next())
            .unwrap_or("untyped");
        let (suffix, kind) = match kind {
            "counter" => ("_total", kind),
            "info" => ("_info", "gauge"),
            "unknown" => ("", "untyped"),
            kind => ("", kind),
        };
        // Writing into a text does not fail.
        let _ = writeln!(
            older,
            "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}"
        );
    }
    older
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_the_form_it_likes_best() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, form) in [
            (prometheus, PageForm::OpenMetrics),
            ("", PageForm::Text),
            ("*/*", PageForm::Text),
            ("text/plain;version=0.0.4", PageForm::Text),
            (
                "Application/OpenMetrics-Text; version=1.0.0; charset=utf-8",
                PageForm::OpenMetrics,
            ),
            (
                "application/openmetrics-text;q=0.2, text/plain;q=0.3",
                PageForm::Text,
            ),
            (
                "text/plain;q=0.25, application/openmetrics-text;q=0.3",
                PageForm::OpenMetrics,
            ),
            ("application/openmetrics-text;q=0", PageForm::Text),
            ("application/openmetrics-text;q=0.000, text/html", PageForm::Text),
            ("application/json", PageForm::Text),
            (";;,,q=", PageForm::Text),
        ] {
            assert_eq!(PageForm::asked_by(accept), form, "{accept}");
        }
    }

    #[test]
    fn the_older_form_says_the_same() {
        let page = "# HELP a Things.\n# TYPE a counter\na_total{x=\"# HELP\"} 1\n# HELP b_seconds Time.\n# TYPE b_seconds gauge\n# UNIT b_seconds seconds\nb_seconds 2.5\n# HELP c Made.\n# TYPE c info\nc_info{version=\"1\"} 1\n# EOF\n";
        assert_eq!(
            PageForm::Text.of(page.to_owned()),
            "# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"# HELP\"} 1\n# HELP b_seconds Time.\n# TYPE b_seconds gauge\nb_seconds 2.5\n# HELP c_info Made.\n# TYPE c_info gauge\nc_info{version=\"1\"} 1\n"
        );
        assert_eq!(PageForm::OpenMetrics.of(page.to_owned()), page);
    }
}
