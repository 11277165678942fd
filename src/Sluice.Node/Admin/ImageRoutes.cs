namespace Sluice.Node.Admin;

/// <summary>Images: <c>pull</c> and <c>commit</c>.</summary>
internal sealed class ImageRoutes(ImageRegistration images, ContainerCommit commit) : IAdminRoutes
{
    public IEnumerable<AdminRoute> Routes =>
    [
        AdminRoute.Post("/v1/pull", PullRequest.Parse, async (request, cancellation) => (await images.PullAsync(request, cancellation)).Write),
        AdminRoute.Post("/v1/commit", CommitRequest.Parse, async (request, cancellation) => (await commit.CommitAsync(request, cancellation)).Write),
    ];
}
