using Sluice.Node.Configuration;

namespace Sluice.Node.Admin;

/// <summary>Configuration: reads the file again.</summary>
internal sealed class ConfigurationRoutes(ConfigurationWatch watch) : IAdminRoutes
{
    public IEnumerable<AdminRoute> Routes => [AdminRoute.Post("/v1/reload", _ => Task.FromResult(watch.Reload().Write))];
}
