using Sluice.Formats.Trees;

namespace Sluice.Build.Layers;

/// <summary>
/// overlayfs keeps its own notes (redirects, opaque marks, origins) in <c>trusted.overlay.*</c> and <c>user.overlay.*</c>.
/// An image that carries them could make a mount above it look elsewhere, so they do not pass.
/// </summary>
internal static class OverlayAttributes
{
    public static IReadOnlyList<ExtendedAttribute> Without(IReadOnlyList<ExtendedAttribute> attributes)
    {
        foreach (ExtendedAttribute attribute in attributes)
        {
            if (IsOverlay(attribute)) return [.. attributes.Where(a => !IsOverlay(a))];
        }

        return attributes;
    }

    private static bool IsOverlay(ExtendedAttribute attribute) =>
        attribute.Name.Bytes.StartsWith("trusted.overlay."u8) || attribute.Name.Bytes.StartsWith("user.overlay."u8);
}
