using System.Text.Json;
using Sluice.Node.Explain;

namespace Sluice.Node.Admin;

/// <summary>Why a container, or an image, started as it did.</summary>
internal sealed class ExplainRoutes(ImageExplainer explainer) : IAdminRoutes
{
    public IEnumerable<AdminRoute> Routes =>
    [
        AdminRoute.Get("/v1/explain", ExplainRequest.Parse, async (request, cancellation) =>
        {
            Explanation explanation = await explainer.ExplainAsync(request, cancellation);
            return writer => JsonSerializer.Serialize(writer, explanation, ExplainJson.Default.Explanation);
        }),
    ];
}
