package authority

import (
	"embed"

	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

var (
	sqlAddClient      = text("add_client")
	sqlAddGrant       = text("add_grant")
	sqlAddRole        = text("add_role")
	sqlAddToken       = text("add_token")
	sqlAddUser        = text("add_user")
	sqlKnowUser       = text("know_user")
	sqlClearTokens    = text("clear_tokens")
	sqlClients        = text("clients")
	sqlFindClient     = text("find_client")
	sqlFindIdentity   = text("find_identity")
	sqlFindToken      = text("find_token")
	sqlGrants         = text("grants")
	sqlRemoveGrant    = text("remove_grant")
	sqlRemoveRole     = text("remove_role")
	sqlRevokeOfClient = text("revoke_of_client")
	sqlRevokeToken    = text("revoke_token")
	sqlRoles          = text("roles")
	sqlRotateClient   = text("rotate_client")
	sqlSetClient      = text("set_client")
	sqlSetRole        = text("set_role")
	sqlSetUser        = text("set_user")
	sqlTokens         = text("tokens")
	sqlTouchToken     = text("touch_token")
	sqlUsers          = text("users")
)
