using System.Text.Json;
using Sluice.Formats;
using Sluice.Formats.Oci;

namespace Sluice.Storage.Sources.Layouts;

/// <summary>File names of an OCI layout. Source: OCI image-spec 1.1, image-layout.md.</summary>
internal static class LayoutFiles
{
    public const string Marker = "oci-layout";
    public const string Index = "index.json";

    /// <summary>The content of <see cref="Marker"/>.</summary>
    public static ReadOnlySpan<byte> MarkerContent => "{\"imageLayoutVersion\":\"1.0.0\"}"u8;

    public static string Blob(Digest digest) => $"blobs/{digest.Algorithm}/{digest.Hex}";

    /// <summary>Checks the content of <see cref="Marker"/>.</summary>
    public static void CheckMarker(ReadOnlySpan<byte> content, string name)
    {
        try
        {
            JsonElement marker = JsonElement.Parse(content);
            if (marker.ValueKind == JsonValueKind.Object && marker.TryGetProperty("imageLayoutVersion", out JsonElement version)
                && version.ValueKind == JsonValueKind.String && version.GetString()!.StartsWith("1.", StringComparison.Ordinal)) return;
        }
        catch (JsonException)
        {
            // Falls through to the one error for all of it.
        }

        throw new SluiceException(SluiceError.Image, name, $"{Marker} does not say imageLayoutVersion 1");
    }
}
