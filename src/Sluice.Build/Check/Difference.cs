namespace Sluice.Build.Check;

/// <summary>One thing in which two images differ.</summary>
/// <param name="Path">The file, or the blob whose data is wrong.</param>
/// <param name="What">The attribute: <c>type</c>, <c>mode</c>, <c>content</c> …</param>
/// <param name="Source">Its value in the source; for data, what was expected.</param>
/// <param name="Image">Its value in the image.</param>
public sealed record Difference(string Path, string What, string Source, string Image)
{
    public override string ToString() => $"{Path}: {What}: {Source} / {Image}";
}
