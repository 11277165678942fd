namespace Sluice.Formats.Tar;

/// <summary>A field of a 512-byte header: byte offset, length in bytes, and its name for error messages.</summary>
internal readonly record struct TarField(int Offset, int Length, string Name)
{
    public ReadOnlySpan<byte> Of(ReadOnlySpan<byte> block) => block.Slice(Offset, Length);

    public Span<byte> Of(Span<byte> block) => block.Slice(Offset, Length);
}
