namespace Sluice.Formats.Ext4;

/// <summary>Makes the exceptions of this format.</summary>
internal static class Ext4Error
{
    private const string Format = "ext4";

    /// <param name="block">Block of the device that holds the culprit, or -1.</param>
    public static InvalidFormatException Invalid(string message, long block = -1) =>
        new(Format, message, block < 0 ? -1 : block << Ext4Layout.BlockBits);

    /// <summary>A sound file system that this program doesn't know how to treat.</summary>
    public static SluiceException Unsupported(string why, string hint) =>
        new(SluiceError.Image, Format, $"this file system is not supported: {why}", hint);
}
