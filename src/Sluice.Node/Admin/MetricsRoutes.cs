using Sluice.Node.Metrics;

namespace Sluice.Node.Admin;

/// <summary>Metrics: the same text that <c>metrics_address</c> serves.</summary>
internal sealed class MetricsRoutes(NodeMetrics metrics) : IAdminRoutes
{
    public IEnumerable<AdminRoute> Routes => [AdminRoute.GetText("/v1/metrics", PrometheusText.ContentType, () => PrometheusText.Write(metrics.Read()))];
}
