namespace Sluice.Node.Admin;

/// <summary>Parameters of <c>GET /v1/policy</c>.</summary>
/// <param name="Image">HOST/REPO:TAG or HOST/REPO@DIGEST.</param>
/// <param name="Platform">os/architecture[/variant] to choose from an index; null: the daemon's.</param>
public sealed record PolicyRequest(string Image, string? Platform = null)
{
    internal string Path => $"/v1/policy?image={Uri.EscapeDataString(Image)}{(Platform is null ? "" : $"&platform={Uri.EscapeDataString(Platform)}")}";

    /// <exception cref="Formats.SluiceException">A parameter is missing or unknown.</exception>
    internal static PolicyRequest Parse(AdminQuery query)
    {
        var request = new PolicyRequest(query.Require("image"), query.Take("platform"));
        query.End();
        return request;
    }
}
