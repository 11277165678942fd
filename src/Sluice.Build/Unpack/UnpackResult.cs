namespace Sluice.Build.Unpack;

/// <summary>What an unpacking made.</summary>
/// <param name="Names">Files, directories and links.</param>
/// <param name="ContentBytes">Bytes of file content.</param>
/// <param name="Warnings">What could not be made as the image has it, one line each; the first of each kind and a count.</param>
public sealed record UnpackResult(long Names, long ContentBytes, IReadOnlyList<string> Warnings);
