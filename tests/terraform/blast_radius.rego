# Weighs what a plan does by type and action, and lets it pass below a limit: the shape that policies on Terraform
# plans commonly have, in Rego as it was before OPA 1.0.
package terraform.analysis

import input as tfplan

limit = 30

weights = {
	"flowform_dataflow": {"delete": 100, "create": 10, "update": 1},
	"flowform_mapping": {"delete": 10, "create": 1, "update": 1},
}

default authz = false

authz {
	score < limit
	not touches_credentials
}

score = s {
	all := [x |
		r := tfplan.resource_changes[_]
		x := weights[r.type][r.change.actions[_]]
	]
	s := sum(all)
}

# A secret is never shown; that it changes is.
touches_credentials {
	r := tfplan.resource_changes[_]
	r.change.after_sensitive.auth.params[name]
	r.change.before.auth.params[name] != r.change.after.auth.params[name]
}
