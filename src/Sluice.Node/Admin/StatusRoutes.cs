using System.Text.Json;
using Sluice.Node.Status;

namespace Sluice.Node.Admin;

/// <summary>Status: how the node and its images are.</summary>
internal sealed class StatusRoutes(NodeObserver node) : IAdminRoutes
{
    public IEnumerable<AdminRoute> Routes =>
    [
        AdminRoute.Get("/v1/status", _ => Answer(node.Look, StatusJson.Default.NodeStatus)),
        AdminRoute.Get("/v1/images", _ => Answer(() => new ImageList(node.LookAtImages()), StatusJson.Default.ImageList)),
    ];

    private static Task<Action<Utf8JsonWriter>> Answer<T>(Func<T> look, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        T answer = look(); // here: what goes wrong must not leave half an answer
        return Task.FromResult<Action<Utf8JsonWriter>>(writer => JsonSerializer.Serialize(writer, answer, type));
    }
}
