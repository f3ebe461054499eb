package queue

// Statements are the statements of sql/ by name.
func Statements() map[string]string {
	return map[string]string{
		"tenants": sqlTenants, "claim": sqlClaim, "finish": sqlFinish, "extend": sqlExtend, "release": sqlRelease,
		"fail": sqlFail, "rescue": sqlRescue, "left": sqlLeft,
		"list": sqlList, "retry": sqlRetry, "drop": sqlDrop,
	}
}
