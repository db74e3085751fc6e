//! Marketo Engage as a connector sees it: identity, leads, activities, limits and faults.
