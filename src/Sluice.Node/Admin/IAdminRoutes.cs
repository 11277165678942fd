namespace Sluice.Node.Admin;

/// <summary>
/// The requests of one subject of the admin API. A subject is a file here, a section of docs/admin-api.md, and, where people ask it, one of
/// docs/cli.md. The daemon lists its subjects in <see cref="NodeDaemon"/>; <see cref="AdminApplication"/> finds the route and turns what it throws into an answer.
/// </summary>
internal interface IAdminRoutes
{
    /// <summary>Asked once, at the start.</summary>
    IEnumerable<AdminRoute> Routes { get; }
}
