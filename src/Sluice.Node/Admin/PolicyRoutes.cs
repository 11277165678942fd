using System.Text.Json;
using Sluice.Node.Policies;

namespace Sluice.Node.Admin;

/// <summary>How images come here.</summary>
internal sealed class PolicyRoutes(PolicyExplainer explainer) : IAdminRoutes
{
    public IEnumerable<AdminRoute> Routes =>
    [
        AdminRoute.Get("/v1/policy", PolicyRequest.Parse, async (request, cancellation) =>
        {
            PullExplanation explanation = await explainer.ExplainAsync(request.Image, request.Platform, cancellation);
            return writer => JsonSerializer.Serialize(writer, explanation, PullExplanationJson.Default.PullExplanation);
        }),
    ];
}
