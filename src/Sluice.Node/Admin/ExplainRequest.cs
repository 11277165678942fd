using Sluice.Containerd.Client;

namespace Sluice.Node.Admin;

/// <summary>Parameters of <c>GET /v1/explain</c>.</summary>
/// <param name="Name">A container's id, an image's name, or the beginning of its digest.</param>
/// <param name="Containerd">Absolute path of containerd's socket.</param>
/// <param name="Namespace">containerd's namespace.</param>
/// <param name="Files">Name the files of block images, too: their metadata is then read from the registry.</param>
public sealed record ExplainRequest(string Name, string Containerd = ContainerdClient.DefaultSocket, string Namespace = "default", bool Files = false)
{
    internal string Path => $"/v1/explain?name={Uri.EscapeDataString(Name)}&containerd={Uri.EscapeDataString(Containerd)}&namespace={Uri.EscapeDataString(Namespace)}{(Files ? "&files=true" : "")}";

    /// <exception cref="Formats.SluiceException">A parameter is missing, unknown, or has a value that containerd would refuse.</exception>
    internal static ExplainRequest Parse(AdminQuery query)
    {
        var request = new ExplainRequest(query.Require("name"), query.Take("containerd") ?? ContainerdClient.DefaultSocket, query.Take("namespace") ?? "default", query.Take("files") switch
        {
            null or "false" => false,
            "true" => true,
            var other => throw AdminJson.Wrong($"'files' is '{other}'; it can be true or false"),
        });
        query.End();
        ContainerdPlace.Check(request.Containerd, request.Namespace);
        return request;
    }
}
